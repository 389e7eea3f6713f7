// The store on Redis or Valkey, for any number of machines, over BullMQ. Records are changed by scripts (scripts.ts), whose
// turn it is and who is alive is BullMQ's part (queues.ts), and what happens is announced on channels. Loaded where
// REDIS_URL is set, and only there.
import { createHash } from 'node:crypto';
import type { RedisAddress } from '../../redis-address.js';
import { piecesOf } from '../frames.js';
import { hasEnded, type Job, sharedHead } from '../job.js';
import {
  type AddedJob,
  idempotencyMismatch,
  type JobCounts,
  type JobLimits,
  type JobPage,
  type JobStore,
  lostTooOften,
  type NewJob,
  notFailed,
  storeAway,
  tooManyJobs,
} from '../store.js';
import { ask } from './asking.js';
import { connectRedis } from './connections.js';
import { createConsumer, type RedisConsumer } from './consumer.js';
import { loadRedisPackages } from './packages.js';
import { readPieces, smallBytes, writePiece } from './pieces.js';
import { createQueues } from './queues.js';
import { infoOf, inputHeadOf, type JobRecord, recordOf } from './record.js';
import { scripts } from './scripts.js';
import { serverFaults } from './server-check.js';
import { defaultTimings, type RedisTimings } from './timings.js';
import { createWatches } from './watches.js';

export interface RedisStoreOptions {
  readonly address: RedisAddress;
  readonly limits: JobLimits;
  /** Of all keys (REDIS_PREFIX). */
  readonly prefix: string;
  readonly events?: RedisStoreEvents;
  readonly timings?: RedisTimings;
}

export interface RedisStoreEvents {
  /** Redis does not answer, once for each absence. */
  away(error: Error): void;
  /** It answers, at first or again. */
  back(): void;
  /** What this Redis is not fit for, at the first answer. */
  unfit(message: string): void;
  /** What should not be. */
  fault(error: unknown): void;
}

const silent: RedisStoreEvents = { away() {}, back() {}, unfit() {}, fault() {} };
/** How long what waits may be without a ticket: it is being added. */
const ticketlessMs = 30_000;

/** @throws ConfigError where its packages are missing. Resolves once Redis has answered, or has not: then it is tried for, as after any absence. */
export async function openRedisStore(options: RedisStoreOptions): Promise<JobStore> {
  const { address, limits, events = silent, timings = defaultTimings } = options;
  const packages = await loadRedisPackages();
  // In braces: a cluster keeps all keys with the same ones on one node, which scripts need.
  const hashTag = `{${options.prefix}}`;
  const control = `${hashTag}.control`;
  const watchPrefix = `${hashTag}.watch:`;
  const consumers = new Set<RedisConsumer>();
  let isClosed = false;
  let isChecked = false;
  let isUnfit = false;
  let rerunsBefore: number | undefined;
  let beats = 0;

  let isKnown: () => void = () => undefined;
  const known = new Promise<void>((resolve) => {
    isKnown = resolve;
  });

  const link = connectRedis(packages, address, hashTag, {
    message(channel, message) {
      if (channel !== control) {
        watches.changed(channel.slice(watchPrefix.length));
        return;
      }
      const [what, name = ''] = message.split(' ');
      for (const consumer of consumers) {
        if (what === 'wake') consumer.wake(name);
        if (what === 'cancel') consumer.cancelled(name);
      }
    },
    up() {
      up().then(isKnown, () => undefined);
    },
    away(error) {
      events.away(error);
      isKnown();
    },
  });
  const queues = createQueues(packages, link, hashTag, limits.keepMs, timings);
  const watches = createWatches({
    subscribe: (id) => asked(() => link.subscribe(`${watchPrefix}${id}`)),
    unsubscribe: (id) => link.unsubscribe(`${watchPrefix}${id}`),
    read: async (id) => (await read(id))?.job,
  });
  const beat = setInterval(() => {
    void onBeat();
  }, timings.beatMs).unref();

  function asked<T>(work: () => Promise<T>): Promise<T> {
    return isUnfit ? Promise.reject(storeAway()) : ask(link, work, timings.patienceMs);
  }

  async function up(): Promise<void> {
    await check();
    if (isUnfit) return;
    await link.subscribe(control);
    rerunsBefore ??= Number((await link.client.get(`${hashTag}.reruns`)) ?? 0);
    events.back();
    // First of all that the runs are alive: their locks may have run out meanwhile.
    await Promise.all([...consumers].map((consumer) => consumer.beat()));
    watches.readAll();
    for (const consumer of consumers) consumer.wake();
  }

  async function check(): Promise<void> {
    if (isChecked) return;
    // ACLs may forbid it: then nothing can be said.
    const faults = await link.client.info().then(
      (info) => serverFaults(info, address.isCluster),
      () => [],
    );
    isChecked = true;
    for (const { message, isFatal } of faults) {
      events.unfit(message);
      if (isFatal) isUnfit = true;
    }
  }

  async function onBeat(): Promise<void> {
    link.probe();
    if (!link.isUp || isUnfit) return;
    beats++;
    try {
      for (const consumer of consumers) await consumer.beat();
      if (beats % 2 === 0) for (const consumer of consumers) consumer.wake();
      if (beats % 2 === 0) await tidy();
    } catch (error) {
      if (link.isUp) events.fault(error);
    }
  }

  /** One process in a while, for all. */
  async function tidy(): Promise<void> {
    const { beatMs, stalledCheckMs } = timings;
    const isMine = await link.client.set(`${hashTag}.tidied`, 1, 'PX', beatMs, 'NX');
    if (isMine === null) return;
    const problem = JSON.stringify(lostTooOften);
    const queueKeys = `${hashTag}:`;
    const due = await link.run(
      scripts.tidy,
      limits.keepMs,
      queueKeys,
      ticketlessMs,
      limits.attempts,
      stalledCheckMs,
      problem,
    );
    for (const one of Array.isArray(due) ? due : []) await giveTicketTo(one);
  }

  /** @param told by a script, with its priority */
  async function giveTicketTo(told: unknown): Promise<void> {
    const [priority, record]: readonly unknown[] = Array.isArray(told) ? told : [];
    const job = recordOf(record)?.job;
    if (job !== undefined) await giveNewTicket(job, Number(priority));
  }

  /** Where the ended run still holds the old one, neither is heard: then the job is given one as it is tidied up. */
  async function giveNewTicket({ id, task, client, requestId }: Job, priority: number): Promise<void> {
    const queue = queues.of(task);
    await asked(() => queue.remove(id));
    await asked(() => queue.add(id, priority, { client, requestId }));
    link.client.hdel(`${hashTag}.job:${id}`, 'due').catch(() => undefined);
    wakeAll(task);
  }

  const wakeAll = (task: string): void => link.publish(control, `wake ${task}`);

  async function read(id: string): Promise<JobRecord | undefined> {
    return recordOf(await asked(() => link.run(scripts.read, id)));
  }

  async function add(given: NewJob): Promise<AddedJob> {
    const { id, task, client, input, idempotency, share } = given;
    const isSmall = input.body.length <= smallBytes;
    const key = idempotency === null ? '' : sha256(JSON.stringify([client, task, idempotency.key]));
    if (!isSmall) {
      let index = 0;
      for await (const piece of piecesOf(input.body)) {
        const at = index++;
        await asked(() => writePiece(link, inputKey(id), at, piece));
      }
    }
    const reply = await asked(() =>
      link.run(
        scripts.add,
        id,
        task,
        client,
        infoOf(given),
        inputHeadOf(input),
        key,
        idempotency?.fingerprint ?? '',
        limits.mostWaiting,
        `${hashTag}:${task}:`,
        share?.key ?? '',
        share?.ttlMs ?? 0,
        limits.keepMs,
        ...(isSmall ? [input.body] : []),
      ),
    );
    const [what, number, knownId, told, isShared]: readonly unknown[] = Array.isArray(reply) ? reply : [];
    const record = recordOf(told);
    if (what !== 'new' && !isSmall) link.client.unlink(inputKey(id)).catch(() => undefined);
    if (what === 'mismatch') throw idempotencyMismatch();
    if (what === 'full') throw tooManyJobs(Math.min(60, Math.max(1, Math.ceil(Number(number) / 1_000))));
    if (record === undefined) throw new Error('Redis says nothing of a job that was added.');
    // It is acknowledged once it has its ticket, by whoever gave it that.
    const priority = Number(number);
    if (priority > 0) {
      const { requestId } = record.job;
      await asked(() => queues.of(task).add(String(knownId), priority, { client, requestId }));
      wakeAll(task);
    }
    return { job: record.job, isNew: what === 'new', isShared: isShared === 1 };
  }

  async function cancel(id: string): Promise<Job | undefined> {
    const before = await read(id);
    if (before === undefined || hasEnded(before.job)) return before?.job;
    const reply = await asked(() => link.run(scripts.cancel, id, limits.keepMs));
    const [told, heir]: readonly unknown[] = Array.isArray(reply) ? reply : [];
    const job = recordOf(told)?.job;
    // Where that fails, it is given one as jobs are tidied up.
    await giveTicketTo(heir).catch(() => undefined);
    // Whoever gets its ticket nevertheless sees that it is cancelled.
    if (before.job.state === 'waiting')
      await asked(() => queues.of(before.job.task).remove(id)).catch(() => undefined);
    return job;
  }

  async function retry(id: string): Promise<Job | undefined> {
    const reply = await asked(() => link.run(scripts.retry, id, `${hashTag}:`));
    const [what, priority, told]: readonly unknown[] = Array.isArray(reply) ? reply : [];
    if (what === undefined) return undefined;
    if (what === 'not') throw notFailed();
    const job = recordOf(told)?.job;
    if (job === undefined) return undefined;
    await giveNewTicket(job, Number(priority));
    return job;
  }

  async function list({ client, state, limit, cursor }: Parameters<JobStore['list']>[0]): Promise<JobPage> {
    if (cursor !== undefined && !/^\d{1,15}$/.test(cursor)) return { jobs: [], next: undefined };
    const set = client !== undefined ? `client:${client}` : state !== undefined ? `state:${state}` : 'all';
    const before = cursor === undefined ? '+inf' : `(${cursor}`;
    const reply = await asked(() => link.run(scripts.list, set, before, limit, state ?? ''));
    const [next, told]: readonly unknown[] = Array.isArray(reply) ? reply : [];
    const jobs = (Array.isArray(told) ? told : []).flatMap((one) => recordOf(one)?.job ?? []);
    const rest = String(next ?? '').replace('(', '');
    return { jobs, next: rest === '' ? undefined : rest };
  }

  async function counts(): Promise<JobCounts> {
    const reply = await asked(() => link.run(scripts.counts));
    const [oldestMs = 0, reruns = 0, waiting = 0, running = 0, completed = 0, failed = 0, cancelled = 0] = (
      Array.isArray(reply) ? reply : []
    ).map(Number);
    return {
      states: { waiting, running, completed, failed, cancelled },
      oldestMs,
      reruns: Math.max(0, reruns - (rerunsBefore ?? reruns)),
    };
  }

  const inputKey = (id: string): string => `${hashTag}.input:${id}`;

  await known;
  return {
    add,
    get: async (id) => (await read(id))?.job,
    list,
    cancel,
    retry,
    async result(id) {
      const record = await read(id);
      if (record?.head === undefined || record.job.state !== 'completed' || record.job.isExpired)
        return undefined;
      const { job, head, resultBytes, resultOf, run } = record;
      return {
        head: resultOf === undefined ? head : sharedHead(head, job),
        bytes: resultBytes,
        body: readPieces(link, `${hashTag}.result:${resultOf ?? `${id}:${run}`}`, resultBytes),
      };
    },
    watch: (id, onChange) => watches.watch(id, onChange),
    counts,
    consume(tasks, begin, atOnce = {}) {
      const consumer = createConsumer(
        { link, limits, hashTag, lockMs: timings.lockMs, queueOf: queues.of, wakeAll, fault: events.fault },
        tasks,
        begin,
        atOnce,
      );
      consumers.add(consumer);
      return consumer;
    },
    async close() {
      if (isClosed) return;
      isClosed = true;
      clearInterval(beat);
      watches.close();
      for (const consumer of consumers) await consumer.abandon();
      await queues.close();
      await link.close();
    },
  };
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
