// BullMQ's part: a queue for each task, in which a job's ticket waits, so that a machine leaves those of tasks that it does
// not know to others. All of them share one connection. What a job is, and what becomes of it, is its record's to say.
import type { IQueueBackend, Job } from 'bullmq';
import type { RedisLink } from './connections.js';
import type { RedisPackages } from './packages.js';
import type { RedisTimings } from './timings.js';

export interface TaskQueue {
  add(
    id: string,
    priority: number,
    told: { readonly client: string; readonly requestId: string | null },
  ): Promise<void>;
  /** Nothing where a process is at it. */
  remove(id: string): Promise<void>;
  /** @param lost hears that a process was lost, and its tickets wait again */
  work(lost: () => void): TicketSource;
  close(): Promise<void>;
}

export interface TicketSource {
  /** The next ticket, and with it its lock; undefined: there is none. */
  next(token: string): Promise<Ticket | undefined>;
  close(): Promise<void>;
}

export interface Ticket {
  readonly id: string;
  readonly token: string;
  /** It is done with. @param reason for who looks on with BullMQ's tools: why it has failed */
  done(reason: string | undefined): Promise<void>;
  /** It is done with, and the next one of its queue comes with the answer, where there is one. */
  doneForNext(): Promise<Ticket | undefined>;
  giveBack(): Promise<void>;
}

export function createQueues(
  { bullmq }: RedisPackages,
  link: RedisLink,
  prefix: string,
  keepMs: number,
  { lockMs, stalledCheckMs }: RedisTimings,
): { of(task: string): TaskQueue; close(): Promise<void> } {
  const ended = { age: Math.max(1, Math.ceil(keepMs / 1_000)), count: 1_000 };
  const shared = {
    connection: link.client,
    prefix,
    // BullMQ would ask for the version as it starts, and never again if that failed. It is looked at in server-check.ts.
    skipVersionCheck: true,
    skipWaitingForReady: true,
  };
  const working = {
    lockDuration: lockMs,
    stalledInterval: stalledCheckMs,
    // How often a job may be lost is counted in its record.
    maxStalledCount: 1_000_000,
    autorun: false,
  };
  const root = bullmq.createRedisBackend('-', { ...shared, ...working }, {});
  root.on('error', () => undefined);
  const backend = (name: string): IQueueBackend => root.forQueue(name, prefix);
  const queues = new Map<string, TaskQueue>();

  class TicketWorker extends bullmq.Worker<unknown, unknown, string, IQueueBackend> {
    async next(token: string): Promise<Ticket | undefined> {
      return this.#ticketOf(await this.getNextJob(token, { block: false }), token);
    }

    #ticketOf(job: Job<unknown, unknown> | undefined, token: string): Ticket | undefined {
      return (
        job &&
        ticketOf(job, token, async () => {
          const [next, id] = (await job.moveToCompleted(undefined, token, true)) ?? [];
          // Its lock has the same token, which is the first that this job has it by: a ticket that was put back ends the row.
          return next ? this.#ticketOf(await this.nextJobFromJobData(next, id, token), token) : undefined;
        })
      );
    }
  }

  function create(task: string): TaskQueue {
    const queue = new bullmq.Queue(task, { ...shared, streams: { events: { maxLen: 1_000 } } }, backend);
    queue.on('error', () => undefined);
    return {
      async add(id, priority, told) {
        await queue.add(task, told, {
          jobId: id,
          priority,
          attempts: 1,
          removeOnComplete: ended,
          removeOnFail: ended,
        });
      },
      async remove(id) {
        await queue.remove(id);
      },
      work(lost) {
        const worker = new TicketWorker(task, null, { ...shared, ...working }, backend);
        worker.on('error', () => undefined);
        worker.on('stalled', lost);
        void worker.startStalledCheckTimer();
        return {
          next: (token) => worker.next(token),
          close: () => worker.close(true),
        };
      },
      close: () => queue.close(),
    };
  }

  return {
    of(task) {
      let queue = queues.get(task);
      if (queue === undefined) {
        queue = create(task);
        queues.set(task, queue);
      }
      return queue;
    },
    async close() {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
    },
  };
}

function ticketOf(
  job: Job<unknown, unknown>,
  token: string,
  doneForNext: () => Promise<Ticket | undefined>,
): Ticket {
  return {
    id: job.id ?? '',
    token,
    doneForNext,
    async done(reason) {
      if (reason === undefined) {
        await job.moveToCompleted(undefined, token, false);
        return;
      }
      const error = new Error(reason);
      // That of this file tells nobody anything.
      error.stack = '';
      await job.moveToFailed(error, token, false);
    },
    async giveBack() {
      await job.moveToWait(token);
    },
  };
}
