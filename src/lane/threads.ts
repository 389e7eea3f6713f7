// The threads: the only importer of piscina. Starts, counts and ends them, and hands each message to a free one.
// Which call runs when is lane.ts; what happens inside a thread is thread-entry.ts.
import { fileURLToPath } from 'node:url';
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
  /** A thread became ready, or is gone: ask `idle` again. */
  changed(): void;
  log(line: ThreadLogLine): void;
  /** A thread died that had no message. */
  died(error: unknown): void;
  /** There is no thread, and none could be started several times in a row. */
  unusable(error: unknown): void;
}

export interface Threads {
  /** Threads that are up and have no message. */
  readonly idle: number;
  /** Threads that are being started, or ended: their places are taken until they are up, or gone. */
  readonly changing: number;
  /** All of them. */
  readonly total: number;
  /**
   * To be called only while one is idle: piscina's own queue stays empty.
   * Rejects where the thread died, or (ThreadMessageError) the message could not be posted.
   */
  run(message: ThreadMessage, transfer: readonly ArrayBuffer[]): Promise<CallsReply>;
  /** Starts one more; to be called only while none is idle and there are fewer than the maximum. */
  grow(): void;
  /** Ends a thread, which gets no more messages; the `run` that it had rejects once it is really gone, if not answered. */
  end(threadId: number): void;
  /** Resolves when a thread that is being ended is gone; undefined where it is none. */
  gone(threadId: number): Promise<void> | undefined;
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
const longestRestartDelayMs = 5_000;

/** piscina's view of a thread. */
interface PoolThread {
  readonly id: number;
  readonly currentUsage: number;
  readonly destroyed: boolean;
}

interface Member {
  readonly thread: PoolThread;
  /** `starting` until it has nothing to do, its first nudge answered: piscina says "created" before. */
  state: 'starting' | 'up' | 'ending';
}

export function createThreads(options: ThreadsOptions, events: ThreadsEvents): Threads {
  const ending = new Map<number, Promise<void>>();
  const pool = new Piscina({
    filename: fileURLToPath(new URL('./thread-entry.js', import.meta.url)),
    minThreads: options.min,
    maxThreads: options.max,
    idleTimeout: options.idleTimeoutMs,
    concurrentTasksPerWorker: 1,
    recordTiming: false,
    resourceLimits: { maxOldGenerationSizeMb: options.maxHeapMb },
    workerData: options.data,
    // Its own would also take a thread that has been told to end, until that is gone.
    loadBalancer: (_, threads) =>
      threads.find((thread) => thread.currentUsage === 0 && !ending.has(thread.id)) ?? null,
  });
  let members: readonly Member[] = [];
  let failedStarts = 0;
  let retry: NodeJS.Timeout | undefined;
  /** Closed, or given up. */
  let over = false;

  pool.on('workerCreate', (thread: PoolThread) => {
    members = [...members, { thread, state: 'starting' }];
    // piscina hands it a waiting nudge right after this.
    queueMicrotask(welcome);
  });
  pool.on('workerDestroy', () => {
    const gone = members.filter(({ thread }) => thread.destroyed);
    members = members.filter(({ thread }) => !thread.destroyed);
    // Told before piscina takes it off its own list.
    queueMicrotask(() => {
      if (over) return;
      if (gone.some(({ state }) => state !== 'starting')) events.changed();
      else failedToStart(new Error('a thread ended before it was ready'));
    });
  });
  // Without a listener the death of an idle thread would be an uncaught exception of this process.
  pool.on('error', (error: unknown) => events.died(error));
  pool.on('message', (message: unknown) => {
    if (isLogLine(message)) events.log(message);
  });
  // Those that piscina starts with are "created" at once: these show when they are.
  const warmed = Promise.any(Array.from({ length: options.min }, nudge)).catch((error: unknown) => {
    throw error instanceof AggregateError ? error.errors[0] : error;
  });
  warmed.catch(() => undefined);

  /** A start has come to its end, or a nudge to its answer, be it by a thread that was up before. */
  function welcome(): void {
    for (const member of members) {
      if (member.state !== 'starting' || member.thread.currentUsage > 0) continue;
      member.state = 'up';
      failedStarts = 0;
    }
    events.changed();
  }

  /** piscina 5.3 stops replacing threads once one failed to start, so the next try is ours. */
  function failedToStart(cause: unknown): void {
    failedStarts++;
    if (failedStarts >= maxFailedStarts && !members.some(({ state }) => state === 'up')) {
      over = true;
      events.unusable(new Error(`${failedStarts} threads in a row could not be started`, { cause }));
      return;
    }
    clearTimeout(retry);
    retry = setTimeout(
      () => {
        retry = undefined;
        for (let count = pool.threads.length; count < options.min; count++) grow();
        events.changed();
      },
      Math.min(restartDelayMs * failedStarts, longestRestartDelayMs),
    ).unref();
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

  /** Answered by whichever thread is free first. */
  async function nudge(): Promise<void> {
    await run(warmMessage, []);
    welcome();
  }

  /** piscina starts a thread for a message that no idle one can take. */
  function grow(): void {
    if (over || retry !== undefined) return;
    const before = pool.threads.length;
    const answered = nudge();
    const hasBegun = pool.threads.length > before;
    answered.catch((error: unknown) => {
      // The end of one that had begun to start is told by the pool.
      if (!hasBegun && !over) failedToStart(error);
    });
  }

  return {
    get idle() {
      let count = 0;
      for (const { thread, state } of members) if (state === 'up' && thread.currentUsage === 0) count++;
      return count;
    },
    get changing() {
      return pool.threads.length - members.filter(({ state }) => state === 'up').length;
    },
    get total() {
      return pool.threads.length;
    },
    run,
    grow,
    end(threadId) {
      const thread = pool.threads.find((one) => one.threadId === threadId);
      if (thread === undefined || ending.has(threadId)) return;
      for (const member of members) if (member.thread.id === threadId) member.state = 'ending';
      ending.set(
        threadId,
        thread.terminate().then(() => void ending.delete(threadId)),
      );
    },
    gone: (threadId) => ending.get(threadId),
    warm: () => warmed,
    async close() {
      over = true;
      clearTimeout(retry);
      await pool.destroy();
    },
  };
}

function isLogLine(message: unknown): message is ThreadLogLine {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === 'log';
}
