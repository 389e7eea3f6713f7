// The line to one thread: a message at a time goes out on its port, and its answer comes back by shared memory and a
// wake, or by the port. Which thread gets what is threads.ts.
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { CallReply } from '../../tasks/reply.js';
import type { ThreadLogLine, ThreadMessage, ThreadPost } from '../../thread/protocol.js';
import type { ControlRow } from '../../thread/shared-rows.js';

/** A message on a thread, and who waits for what becomes of it: one of the two is called, once, never at once. */
export interface Errand {
  readonly row: ControlRow;
  readonly message: ThreadMessage;
  readonly transfer: readonly ArrayBuffer[];
  /** @param last the reply behind those of the journal, if there is one */
  answered(last: CallReply | undefined): void;
  /** The thread died, or (ThreadMessageError) the message could not be posted. */
  lost(error: unknown): void;
}

/** The message could not be cloned into the thread, which is unharmed. */
export class ThreadMessageError extends Error {
  override readonly name = 'ThreadMessageError';
}

export interface ThreadLine {
  readonly isBusy: boolean;
  /** To be called only while it is not busy. */
  send(errand: Errand): void;
  /** A thread may have answered: looks whether it was this one. */
  look(): void;
  /** The thread is gone. */
  break(error: unknown): void;
}

export interface ThreadLineEvents {
  /** The thread has the port and waits. */
  ready(threadId: number): void;
  log(line: ThreadLogLine): void;
  /** It cannot be loaded, and ends. */
  unloadable(reason: string, file: string | undefined): void;
  /** It is not busy any more. */
  freed(): void;
}

export function createThreadLine(port: MessagePort, events: ThreadLineEvents): ThreadLine {
  let errand: Errand | undefined;

  port.on('message', receive);
  port.unref();

  function receive(message: ThreadPost): void {
    if (message.type === 'log') events.log(message);
    else if (message.type === 'ready') events.ready(message.threadId);
    else if (message.type === 'unloadable') events.unloadable(message.reason, message.file);
    else if (message.type === 'reply') answered(message.reply);
    else look();
  }

  function look(): void {
    if (errand?.row.answered) answered(undefined);
  }

  function answered(last: CallReply | undefined): void {
    const done = errand;
    errand = undefined;
    events.freed();
    done?.answered(last);
  }

  function lost(error: unknown): void {
    const undone = errand;
    errand = undefined;
    events.freed();
    undone?.lost(error);
  }

  return {
    get isBusy() {
      return errand !== undefined;
    },
    send(next) {
      errand = next;
      try {
        port.postMessage(next.message, next.transfer);
      } catch (cause) {
        const error = new ThreadMessageError('The input cannot be handed to a thread.', { cause });
        queueMicrotask(() => lost(error));
      }
    },
    look,
    break(error) {
      // Its last words may be on their way.
      for (let last = receiveMessageOnPort(port); last; last = receiveMessageOnPort(port))
        receive(last.message);
      port.close();
      look();
      lost(error);
    },
  };
}
