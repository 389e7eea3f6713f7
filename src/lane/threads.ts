// The threads: the only importer of piscina. Starts, counts and ends them, and hands each message to a free one.
// Which call runs when is lane.ts; what happens inside a thread is thread-entry.ts.
import { fileURLToPath } from 'node:url';
import type { Worker } from 'node:worker_threads';
import { Piscina } from 'piscina';
import {
  type CallsReply,
  type ThreadData,
  type ThreadLogLine,
  type ThreadMessage,
  warmMessage,
} from './thread-protocol.js';

export interface ThreadsOptions {
  readonly min: number;
  readonly max: number;
  readonly idleTimeoutMs: number;
  readonly maxHeapMb: number;
  readonly data: ThreadData;
}

export interface ThreadsEvents {
  /** A thread became ready, or is gone: ask `ready` again. */
  changed(): void;
  log(line: ThreadLogLine): void;
  /** A thread died that had no message. */
  died(error: unknown): void;
  /** No thread could be started, several times in a row. */
  unusable(error: unknown): void;
}

export interface Threads {
  /** Threads that are up, busy or not. */
  readonly ready: number;
  /** Those and the ones that are being started. */
  readonly total: number;
  /**
   * To be called only while fewer than `ready` messages are in flight: piscina's own queue stays empty.
   * Rejects where the thread died, or (ThreadMessageError) the message could not be posted.
   */
  run(message: ThreadMessage, transfer: readonly ArrayBuffer[]): Promise<CallsReply>;
  /** Starts one more, up to the maximum; `changed` tells when it is ready. */
  grow(): void;
  /** Ends a thread; the `run` that it had rejects once it is really gone. False where it is not there. */
  end(threadId: number): boolean;
  /** Resolves when one thread has run something. */
  warm(): Promise<void>;
  /** Ends all. */
  close(): Promise<void>;
}

/** The message could not be cloned into the thread, which is unharmed. */
export class ThreadMessageError extends Error {
  override readonly name = 'ThreadMessageError';
}

/** Starts that may fail one after the other before the process is given up. */
const maxFailedStarts = 5;
const restartDelayMs = 200;

export function createThreads(options: ThreadsOptions, events: ThreadsEvents): Threads {
  const pool = new Piscina({
    filename: fileURLToPath(new URL('./thread-entry.js', import.meta.url)),
    minThreads: options.min,
    maxThreads: options.max,
    idleTimeout: options.idleTimeoutMs,
    concurrentTasksPerWorker: 1,
    maxQueue: options.max,
    recordTiming: false,
    resourceLimits: { maxOldGenerationSizeMb: options.maxHeapMb },
    workerData: options.data,
  });
  let up: readonly Worker[] = [];
  let failedStarts = 0;
  let closing = false;
  let retry: NodeJS.Timeout | undefined;

  pool.on('workerCreate', ({ id }: { id: number }) => {
    up = pool.threads.filter((thread) => up.includes(thread) || thread.threadId === id);
    failedStarts = 0;
    events.changed();
  });
  pool.on('workerDestroy', () => {
    // Told before piscina takes it off its list, and when its id may be gone already: so look again right after.
    queueMicrotask(() => {
      const before = up.length;
      up = pool.threads.filter((thread) => up.includes(thread));
      if (closing) return;
      // One that was never up: piscina 5.3 may then stop replacing threads, so the next try is ours.
      if (up.length === before) failedToStart();
      else events.changed();
    });
  });
  // Without a listener the death of an idle thread would be an uncaught exception of this process.
  pool.on('error', (error: unknown) => events.died(error));
  pool.on('message', (message: unknown) => {
    if (isLogLine(message)) events.log(message);
  });

  function failedToStart(): void {
    failedStarts++;
    if (failedStarts >= maxFailedStarts) {
      events.unusable(new Error(`${failedStarts} threads in a row ended before they were ready`));
      return;
    }
    clearTimeout(retry);
    retry = setTimeout(events.changed, restartDelayMs * failedStarts).unref();
  }

  async function run(message: ThreadMessage, transfer: readonly ArrayBuffer[]): Promise<CallsReply> {
    try {
      return await pool.run(message, { transferList: [...transfer] });
    } catch (cause) {
      if (cause instanceof Error && cause.name === 'DataCloneError') {
        throw new ThreadMessageError('The input cannot be handed to a thread.', { cause });
      }
      throw cause;
    }
  }

  /** Answered by whichever thread is free first; its rejection is told by the pool's own events. */
  function nudge(): void {
    run(warmMessage, []).catch(() => undefined);
  }

  return {
    get ready() {
      return up.length;
    },
    get total() {
      return up.length === options.max ? up.length : pool.threads.length;
    },
    run,
    grow: nudge,
    end(threadId) {
      const thread = pool.threads.find((one) => one.threadId === threadId);
      if (thread === undefined) return false;
      void thread.terminate();
      return true;
    },
    async warm() {
      await run(warmMessage, []);
    },
    async close() {
      closing = true;
      clearTimeout(retry);
      await pool.destroy();
    },
  };
}

function isLogLine(message: unknown): message is ThreadLogLine {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === 'log';
}
