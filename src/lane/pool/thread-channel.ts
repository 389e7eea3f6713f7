// The channel to one thread: a message at a time goes out on its port, and its answer comes back by shared memory, of
// which a wake of the event loop tells (wake.ts), or the port. Which thread gets what is thread-members.ts; how a thread
// lives and ends, pool-thread.ts.
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { Progress } from '../../task.js';
import { soundProgress } from '../../tasks/progress.js';
import type { CallReply } from '../../tasks/reply.js';
import type {
  LeaveOrder,
  TakenOrder,
  ThreadChunk,
  ThreadLogLine,
  ThreadMessage,
  ThreadPost,
  ThreadProgress,
  ThreadUnloadable,
} from '../../thread/protocol.js';
import type { ControlRow } from '../../thread/shared-rows.js';

/** A message on a thread, and who waits for what becomes of it: one of the three is called, once, never at once. */
export interface SentMessage {
  readonly row: ControlRow;
  readonly message: ThreadMessage;
  readonly transfer: readonly ArrayBuffer[];
  /** A call of it says how far it is. Before any of the three. */
  progress?(call: number, progress: Progress): void;
  /** A call of it streams. The same; what is taken of it is to be told. */
  chunk?(chunk: ThreadChunk, taken: (bytes: number, chunks: number) => void): void;
  /** @param last the reply behind those of the row, if there is one */
  answered(last: CallReply | undefined): void;
  /** The thread is left to the call that it is at, which nobody waits for. */
  leftBehind(): void;
  /** The thread died, or (ThreadMessageError) the message could not be posted. */
  lost(error: unknown): void;
}

/** The message could not be cloned into the thread, which is unharmed. */
export class ThreadMessageError extends Error {
  override readonly name = 'ThreadMessageError';
}

export interface ThreadChannel {
  readonly isBusy: boolean;
  /** To be called only while it is not busy. */
  send(errand: SentMessage): void;
  /** Takes the answer, if it is there. */
  look(): void;
  /** Tells the thread to end by itself. */
  leave(order: LeaveOrder): void;
  /** The thread is gone, or will never answer. @returns whether a message was lost: the last answer may just have come */
  break(error: unknown): boolean;
}

export interface ThreadChannelEvents {
  /** The thread has the port and waits. */
  ready(threadId: number, osThreadId: number | undefined): void;
  log(line: ThreadLogLine): void;
  /** It cannot be loaded, and ends. */
  unloadable(why: ThreadUnloadable): void;
  /** It is not busy any more. */
  freed(): void;
  /** It leaves as it was told. @param isAtCall whether it is still at the call that it was left to */
  leaving(isAtCall: boolean): void;
  /** That call has ended. */
  settled(): void;
}

export function createThreadChannel(port: MessagePort, events: ThreadChannelEvents): ThreadChannel {
  let errand: SentMessage | undefined;
  let sent = 0;

  port.on('message', receive);
  port.unref();

  function receive(message: ThreadPost): void {
    if (message.type === 'log') events.log(message);
    else if (message.type === 'ready') events.ready(message.threadId, message.osThreadId);
    else if (message.type === 'unloadable') events.unloadable(message);
    else if (message.type === 'reply') end((done) => done.answered(message.reply));
    else if (message.type === 'answered') look();
    else if (message.type === 'progress') progress(message);
    else if (message.type === 'chunk') chunk(message);
    else if (message.type === 'leaving') leaving();
    else events.settled();
  }

  /** Its message may have been answered by shared memory, and another be there by now. */
  function progress({ message, call, done, note }: ThreadProgress): void {
    const sound = soundProgress(done, note);
    if (message === sent && sound !== undefined) errand?.progress?.(call, sound);
  }

  function chunk(post: ThreadChunk): void {
    const { message } = post;
    if (message !== sent) return;
    errand?.chunk?.(post, (bytes, chunks) =>
      port.postMessage({ type: 'taken', message, bytes, chunks } satisfies TakenOrder),
    );
  }

  function leaving(): void {
    look();
    const isAtCall = errand !== undefined;
    end((left) => left.leftBehind());
    events.leaving(isAtCall);
  }

  function look(): void {
    // What was told comes by the port, and may have come later: the kernel knows no order between that and a wake.
    if (errand?.row.answered && errand.row.hasTold) takeAll();
    if (errand?.row.answered) end((done) => done.answered(undefined));
  }

  /** What has come and was not dispatched yet. */
  function takeAll(): void {
    for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port))
      receive(next.message);
  }

  function end(tell: (ended: SentMessage) => void): void {
    const ended = errand;
    errand = undefined;
    events.freed();
    if (ended !== undefined) tell(ended);
  }

  return {
    get isBusy() {
      return errand !== undefined;
    },
    send(next) {
      errand = next;
      try {
        port.postMessage(next.message, next.transfer);
        sent++;
      } catch (cause) {
        const error = new ThreadMessageError('The input cannot be handed to a thread.', { cause });
        queueMicrotask(() => end((undone) => undone.lost(error)));
      }
    },
    look,
    leave: (order) => port.postMessage(order),
    break(error) {
      // Its last words may be on their way.
      takeAll();
      port.close();
      // Its last answer may be there, and not yet seen.
      look();
      const isLost = errand !== undefined;
      end((undone) => undone.lost(error));
      return isLost;
    },
  };
}
