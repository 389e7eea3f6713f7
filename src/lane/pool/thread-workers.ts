// The workers that threads are made of. The only importer of piscina, which makes them, with a heap limit and a queue of
// starts, and tells of each one's end. How many there are is decided in threads.ts: piscina would replace one that has died
// by one without a session, and counts those that linger.
import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads';
import { Piscina, type TaskQueue } from 'piscina';
import type { ThreadData, ThreadSession } from '../../thread/protocol.js';
import type { PoolThread } from './pool-thread.js';
import { createStartQueue, type StartCandidate } from './start-queue.js';
import { threadBoot } from './thread-code.js';

export interface ThreadWorkers {
  /** Those that there are. */
  readonly all: readonly Worker[];
  /**
   * Starts one, whose session is the thread's: it ends with its worker, which `ended` tells.
   * @param make makes the thread for its end of the channel
   * @throws where the system has no room for another one
   */
  start(make: (port: MessagePort) => PoolThread, load: readonly number[]): void;
}

export interface WorkersEvents {
  /** A worker is on its way for this thread; it may be refused yet. */
  begun(thread: PoolThread): void;
  /** It was refused: `start` throws. */
  withdrawn(thread: PoolThread): void;
  /** A thread's worker is gone, or never came. */
  ended(thread: PoolThread, error: unknown): void;
  /** One died that had no session. */
  died(error: unknown): void;
  /** How many threads there should be a worker for. */
  expected(): number;
}

export function createThreadWorkers(
  maxHeapMb: number,
  data: ThreadData,
  events: WorkersEvents,
): ThreadWorkers {
  const starts = createStartQueue<Parameters<TaskQueue['push']>[0], PoolThread>();
  const pool = new Piscina({
    filename: threadBoot,
    minThreads: 0,
    maxThreads: Number.MAX_SAFE_INTEGER,
    idleTimeout: Number.POSITIVE_INFINITY,
    concurrentTasksPerWorker: 1,
    recordTiming: false,
    resourceLimits: { maxOldGenerationSizeMb: maxHeapMb },
    workerData: data,
    taskQueue: starts,
    loadBalancer: (_start, threads) => starts.taker(threads),
  });
  // Without a listener the death of a thread without a session would be an uncaught exception of this process.
  pool.on('error', (error: unknown) => events.died(error));
  // Told before piscina gives it anything.
  pool.on('workerCreate', ({ id }: StartCandidate) => starts.grant(id));
  // Told before piscina rejects what the thread was at, and before it takes the thread off its own list.
  pool.on('workerDestroy', () => void setImmediate(withdrawStarts));

  /** A thread that dies while it boots leaves its session in the queue. */
  function withdrawStarts(): void {
    for (let stale = events.expected() - pool.threads.length; stale > 0; stale--) {
      const thread = starts.withdraw();
      if (thread === undefined) return;
      events.ended(thread, new Error('a thread ended before it was ready'));
    }
  }

  return {
    get all() {
      return pool.threads;
    },
    /** piscina starts a worker for a session that no idle one can take. */
    start(make, load) {
      const { port1, port2 } = new MessageChannel();
      const thread = make(port1);
      const session: ThreadSession = { port: port2, load };
      events.begun(thread);
      try {
        starts
          .startFor(thread, () => pool.run(session, { transferList: [port2] }))
          .then(
            () => events.ended(thread, new Error('a session ended before its thread')),
            (error: unknown) => events.ended(thread, exitTold(error)),
          );
      } catch (error) {
        starts.withdrawOf(thread);
        port2.close();
        events.withdrawn(thread);
        throw error;
      }
    },
  };
}

/** piscina says only that its worker has exited: none does by itself. */
function exitTold(error: unknown): unknown {
  const [, code] =
    error instanceof Error ? (/^worker exited with code: (\d+)$/.exec(error.message) ?? []) : [];
  return code === undefined
    ? error
    : new Error(`the thread exited with code ${code}, as process.exit() in a task does`);
}
