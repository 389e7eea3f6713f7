// The store that is embedded in the server: the table lives in one process (the primary; where there is none, the server
// process itself), bodies on a shelf (in memory or on disk). Processes join it: each gets a store of its own, and where
// one dies, what it ran begins again at once. How a process that is not this one reaches it is store-link.ts.
import { monotonicMs } from '../clock.js';
import { type AtOnce, isFull } from './at-once.js';
import { piecesOf } from './frames.js';
import { hasEnded, type Job, sharedHead } from './job.js';
import {
  createJobTable,
  type HeldRoom,
  type JobRecord,
  type TableClock,
  type TableLimits,
} from './job-table.js';
import { createMemoryShelf, type Shelf } from './shelf.js';
import {
  type AddedJob,
  type JobConsumer,
  type JobResult,
  type JobRun,
  type JobStore,
  storeAway,
} from './store.js';

export interface EmbeddedStoreOptions {
  readonly limits: TableLimits;
  /** Default: in memory. */
  readonly shelf?: Shelf;
  readonly clock?: TableClock;
  /** What the shelf could not keep, once for each time that it begins to fail. */
  readonly onFault?: (error: unknown) => void;
}

export interface EmbeddedStore {
  /** For a process that is alive until it closes this store: that it has died says `lost`. */
  join(): JoinedStore;
  close(): Promise<void>;
}

export interface JoinedStore extends JobStore {
  /** For a body that is collected before it is handed over. */
  hold(): HeldRoom;
  /** Its process has died. What it ran is tried again elsewhere, at once. */
  lost(): void;
}

const systemClock: TableClock = { nowMs: monotonicMs, epochMs: Date.now };

interface Consumer {
  readonly tasks: readonly string[];
  readonly atOnce: AtOnce;
  readonly runs: Map<string, OpenRun>;
  most: number;
  isOpen: boolean;
  readonly coming: ReadonlySet<Promise<void>>;
  begin(record: JobRecord): void;
}

interface OpenRun {
  readonly id: string;
  readonly task: string;
  readonly runs: number;
  readonly isSuspect: boolean;
  readonly stop: AbortController;
}

const longestTimerMs = 2_147_483_647;
/** What expires at nearly the same time goes together. */
const shortestTimerMs = 20;

export function createEmbeddedStore(options: EmbeddedStoreOptions): EmbeddedStore {
  const { limits, shelf = createMemoryShelf(), clock = systemClock, onFault = () => undefined } = options;
  const table = createJobTable(limits, clock);
  const consumers = new Set<Consumer>();
  const watchers = new Map<string, Set<(job: Job) => void>>();
  /** Jobs that are being written down for the first time. */
  const arriving = new Map<string, Promise<void>>();
  let expiry: NodeJS.Timeout | undefined;
  let expiryMs: number | undefined;
  let isFaulty = false;
  let isClosed = false;

  for (const record of table.restore(shelf.written())) shelf.putRecord(record);
  scheduleExpiry();

  /** Written down and told to whoever watches. */
  function changed(record: JobRecord): void {
    shelf.putRecord(record);
    const { job } = record;
    for (const tell of watchers.get(job.id) ?? []) tell(job);
    if (!hasEnded(job)) return;
    scheduleExpiry();
    for (const other of table.settle(job.id)) {
      if (other.job.state === 'completed') shelf.dropInput(other.job.id);
      changed(other);
    }
  }

  /** What the shelf says of what was put on it. @throws Error */
  async function kept(writing?: Promise<void>): Promise<void> {
    try {
      await (writing ?? shelf.settled());
      isFaulty = false;
    } catch (error) {
      if (!isFaulty) onFault(error);
      isFaulty = true;
      throw storeAway(error);
    }
  }

  /** Nobody waits for it: what is not written down now is so with the next change, or is done again by the next primary. */
  function keptSoon(): void {
    kept().catch(() => undefined);
  }

  /** Gives jobs to whoever can take one, in turn by how much each has free. */
  function dispatch(): void {
    if (isClosed) return;
    for (const consumer of [...consumers].sort((a, b) => freeOf(b) - freeOf(a))) {
      while (freeOf(consumer) > 0) {
        const withSuspects = ![...consumer.runs.values()].some(({ isSuspect }) => isSuspect);
        const record = table.take(tasksFor(consumer), withSuspects);
        if (record === undefined) break;
        changed(record);
        consumer.begin(record);
        // The next one is for who has most free now.
        if ([...consumers].some((other) => freeOf(other) > freeOf(consumer))) {
          dispatch();
          return;
        }
      }
    }
    keptSoon();
  }

  function stopRun(id: string, reason: 'cancelled' | 'lost'): void {
    for (const { runs } of consumers) runs.get(id)?.stop.abort(reason);
  }

  function scheduleExpiry(): void {
    const dueMs = table.nextExpiryMs;
    if (isClosed || dueMs === undefined || (expiryMs !== undefined && expiryMs <= dueMs)) return;
    clearTimeout(expiry);
    expiryMs = dueMs;
    expiry = setTimeout(
      expire,
      Math.min(longestTimerMs, Math.max(shortestTimerMs, dueMs - clock.nowMs())),
    ).unref();
  }

  function expire(): void {
    expiryMs = undefined;
    const { expired, forgotten } = table.expire();
    for (const record of expired) {
      shelf.drop(record.job.id);
      changed(record);
    }
    for (const { job } of forgotten) shelf.drop(job.id);
    keptSoon();
    scheduleExpiry();
  }

  async function add(job: Parameters<JobStore['add']>[0]): Promise<AddedJob> {
    const { record, isNew } = table.add(job);
    const { id } = record.job;
    if (isNew) {
      const arrival = write(record, job);
      arriving.set(id, arrival);
      void arrival.catch(() => undefined).finally(() => arriving.delete(id));
    }
    await arriving.get(id);
    return { job: table.get(id)?.job ?? record.job, isNew, isShared: isNew && table.isShared(id) };
  }

  async function write(record: JobRecord, { input }: Parameters<JobStore['add']>[0]): Promise<void> {
    const { id } = record.job;
    try {
      await kept(shelf.putInput(id, input));
      if (table.get(id)?.job.state !== 'waiting') {
        // It was cancelled meanwhile, and that is written down.
        shelf.dropInput(id);
        return;
      }
      shelf.putRecord(record);
      await kept();
    } catch (error) {
      table.withdraw(id);
      shelf.drop(id);
      throw error;
    }
    const shared = table.admit(id);
    if (shared !== undefined) {
      shelf.dropInput(id);
      // The result is there for longer, before anybody counts on it.
      shelf.putRecord(shared.owner);
      changed(shared.given);
      await kept();
    }
    dispatch();
  }

  async function cancel(id: string): Promise<Job | undefined> {
    const before = table.get(id);
    const record = table.cancel(id);
    if (record === undefined || record === before) return record?.job;
    shelf.dropInput(id);
    changed(record);
    stopRun(id, 'cancelled');
    // Another one may have its place.
    dispatch();
    await kept();
    return record.job;
  }

  async function retry(id: string): Promise<Job | undefined> {
    const record = table.retry(id);
    if (record === undefined) return undefined;
    changed(record);
    await kept();
    dispatch();
    return record.job;
  }

  function result(id: string): JobResult | undefined {
    const { job, resultOf } = table.get(id) ?? {};
    if (job?.state !== 'completed' || job.isExpired) return undefined;
    const found = shelf.result(resultOf ?? id);
    if (found === undefined) return undefined;
    const head = resultOf === undefined ? found.head : sharedHead(found.head, job);
    return { head, bytes: found.bytes, body: found.body };
  }

  function consume(tasks: readonly string[], begin: (run: JobRun) => void, atOnce: AtOnce): Consumer {
    /** Runs whose inputs are looked up. */
    const coming = new Set<Promise<void>>();
    const consumer: Consumer = {
      tasks,
      atOnce,
      runs: new Map(),
      most: 0,
      isOpen: true,
      begin(record) {
        const { id, task } = record.job;
        const run: OpenRun = {
          id,
          task,
          runs: record.runs,
          isSuspect: record.isSuspect,
          stop: new AbortController(),
        };
        consumer.runs.set(id, run);
        const handedOver = handOver(consumer, run, record, begin).finally(() => coming.delete(handedOver));
        coming.add(handedOver);
      },
      coming,
    };
    consumers.add(consumer);
    return consumer;
  }

  async function handOver(
    consumer: Consumer,
    run: OpenRun,
    { job }: JobRecord,
    begin: (run: JobRun) => void,
  ): Promise<void> {
    const input = await shelf.input(job.id).catch(() => undefined);
    if (input !== undefined) {
      begin({ job, input, signal: run.stop.signal, ...verbs(consumer, run) });
      return;
    }
    const problem = { code: 'INTERNAL', detail: 'The input of the job is not there any more.' } as const;
    await ended(consumer, run, () => table.fail(job.id, run.runs, problem, false)).catch(() => undefined);
  }

  function verbs(consumer: Consumer, run: OpenRun): Omit<JobRun, 'job' | 'input' | 'signal'> {
    const { id, runs } = run;
    const isCurrent = (): boolean => {
      const record = table.get(id);
      return record?.job.state === 'running' && record.runs === runs;
    };
    return {
      progress(progress) {
        const record = table.progress(id, runs, progress);
        if (record !== undefined) changed(record);
      },
      async complete(head, body) {
        const draft = shelf.draft(id);
        const room = table.hold();
        try {
          for await (const piece of piecesOf(body)) {
            if (!isCurrent()) break;
            room.take(piece.length);
            await draft.add(piece);
          }
          // The result first: who reads that a job has completed is to find it.
          if (isCurrent()) await kept(draft.put(head));
        } catch (error) {
          draft.discard();
          throw error;
        } finally {
          // From here on it is counted with its job.
          room.leave();
        }
        await ended(consumer, run, () => {
          const record = table.complete(id, runs, draft.bytes);
          if (record !== undefined) shelf.dropInput(id);
          else {
            draft.discard();
            // It was put, and meanwhile the job was cancelled.
            if (table.get(id)?.job.state !== 'completed') shelf.dropResult(id);
          }
          return record;
        });
      },
      fail: (problem, again) => ended(consumer, run, () => table.fail(id, runs, problem, again)),
      giveBack: () => ended(consumer, run, () => table.giveBack(id, runs)),
    };
  }

  function release(consumer: Consumer, run: OpenRun): void {
    if (consumer.runs.get(run.id) !== run) return;
    consumer.runs.delete(run.id);
    if (!consumer.isOpen && consumer.runs.size === 0) consumers.delete(consumer);
    dispatch();
  }

  async function ended(consumer: Consumer, run: OpenRun, change: () => JobRecord | undefined): Promise<void> {
    const record = change();
    if (record !== undefined) changed(record);
    release(consumer, run);
    if (record !== undefined) await kept();
  }

  function leave(consumer: Consumer): void {
    consumer.isOpen = false;
    const gone = [...consumer.runs.values()];
    consumer.runs.clear();
    consumers.delete(consumer);
    for (const record of table.lost(gone)) changed(record);
    for (const { stop } of gone) stop.abort('lost');
    dispatch();
  }

  function join(): JoinedStore {
    const mine = new Set<Consumer>();
    const watches = new Set<() => void>();

    function lost(): void {
      for (const unwatch of watches) unwatch();
      for (const consumer of mine) leave(consumer);
      mine.clear();
    }

    return {
      hold: table.hold,
      add,
      get: async (id) => table.get(id)?.job,
      list: async (query) => table.list(query),
      cancel,
      retry,
      result: async (id) => result(id),
      async watch(id, onChange) {
        const record = table.get(id);
        if (record === undefined) return undefined;
        const tell = (job: Job): void => onChange(job);
        const all = watchers.get(id) ?? new Set();
        watchers.set(id, all.add(tell));
        const close = (): void => {
          watches.delete(close);
          all.delete(tell);
          if (all.size === 0 && watchers.get(id) === all) watchers.delete(id);
        };
        watches.add(close);
        onChange(record.job);
        return { close };
      },
      counts: async () => table.counts(),
      consume(tasks, begin, atOnce = {}): JobConsumer {
        const consumer = consume(tasks, begin, atOnce);
        mine.add(consumer);
        return {
          capacity(most) {
            consumer.most = most;
            dispatch();
          },
          async close() {
            consumer.isOpen = false;
            consumer.most = 0;
            await Promise.all(consumer.coming);
            if (consumer.runs.size === 0) consumers.delete(consumer);
          },
        };
      },
      lost,
      async close() {
        lost();
      },
    };
  }

  return {
    join,
    async close() {
      isClosed = true;
      clearTimeout(expiry);
      await shelf.settled().catch(() => undefined);
      await shelf.close();
    },
  };
}

/** Those of which it may have another job. */
function tasksFor({ tasks, atOnce, runs }: Consumer): readonly string[] {
  const here = [...runs.values()].map(({ task }) => task);
  return tasks.filter((task) => !isFull(atOnce, task, here));
}

function freeOf({ most, runs, isOpen }: Consumer): number {
  return isOpen ? most - runs.size : 0;
}
