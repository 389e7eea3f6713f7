// What every store of jobs must do, whichever it is: the store's own test file hands in how one is made. Processes are
// stores that were opened side by side; that one dies says the harness, in whatever way processes of its kind die.
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Job, type JobInput, newJobId } from '#src/jobs/job.js';
import type { JobConsumer, JobLimits, JobRun, JobStore, NewJob } from '#src/jobs/store.js';

export interface StoreHarness {
  /** The store as one more process sees it. */
  open(): Promise<JobStore>;
  /** The process that opened it dies, without a word. */
  kill(store: JobStore): Promise<void>;
  close(): Promise<void>;
}

export type StartHarness = (limits: JobLimits) => Promise<StoreHarness>;

const usual: JobLimits = { mostWaiting: 1_000, keepMs: 3_600_000, attempts: 3 };

export const jsonInput = (value: unknown): JobInput => ({
  kind: 'json',
  contentType: 'application/json',
  query: {},
  body: new Uint8Array(Buffer.from(JSON.stringify(value))),
});

export function newJob(more: Partial<NewJob> = {}): NewJob {
  return {
    id: newJobId(),
    task: 'quick',
    client: 'ann',
    requestId: 'r1',
    traceId: null,
    timeoutMs: null,
    idempotency: null,
    share: null,
    input: jsonInput({ n: 1 }),
    ...more,
  };
}

const head = { lane: 'thread', contentType: 'text/plain', queueMs: 1, runMs: 2 } as const;
const problem = { code: 'TASK_FAILED', detail: 'The task failed.' } as const;

/** A process that runs jobs: each run is handed to the test, which ends it. */
export interface TestRunner {
  readonly begun: JobRun[];
  readonly consumer: JobConsumer;
  /** The next run that has not been handed out. */
  next(): Promise<JobRun>;
}

export function runJobs(
  store: JobStore,
  tasks: readonly string[],
  capacity: number,
  atOnce: Readonly<Record<string, number>> = {},
): TestRunner {
  const begun: JobRun[] = [];
  const waiting: ((run: JobRun) => void)[] = [];
  let handedOut = 0;
  function hand(): void {
    while (waiting.length > 0 && handedOut < begun.length) {
      const run = begun[handedOut++];
      if (run !== undefined) waiting.shift()?.(run);
    }
  }
  const begin = (run: JobRun): void => {
    begun.push(run);
    hand();
  };
  const consumer = store.consume(tasks, begin, atOnce);
  consumer.capacity(capacity);
  return {
    begun,
    consumer,
    next: () =>
      new Promise((resolve) => {
        waiting.push(resolve);
        hand();
      }),
  };
}

/** The job once it is so. */
export async function jobWhen(store: JobStore, id: string, fits: (job: Job) => boolean): Promise<Job> {
  let found: (job: Job) => void = () => undefined;
  const job = new Promise<Job>((resolve) => {
    found = resolve;
  });
  const watch = await store.watch(id, (now) => {
    if (fits(now)) found(now);
  });
  if (watch === undefined) throw new Error(`no job ${id}`);
  return job.finally(() => watch.close());
}

export async function resultText(store: JobStore, id: string): Promise<string | undefined> {
  const result = await store.result(id);
  return result && (await buffer(result.body)).toString();
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

function aborted(signal: AbortSignal): Promise<unknown> {
  if (signal.aborted) return Promise.resolve(signal.reason);
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(signal.reason), { once: true });
  });
}

export function jobStoreContract(name: string, start: StartHarness): void {
  async function harness(limits: Partial<JobLimits> = {}): Promise<StoreHarness> {
    const made = await start({ ...usual, ...limits });
    onTestFinished(() => made.close());
    return made;
  }

  describe(`${name}: jobs`, () => {
    it('wait, run with what they were given, and leave their result', async () => {
      const { open } = await harness();
      const store = await open();
      const input: JobInput = {
        kind: 'bytes',
        contentType: 'image/png',
        query: { width: '96' },
        body: new Uint8Array(randomBytes(1_048_576)),
      };
      const asked = newJob({ input, traceId: 't1', timeoutMs: 5_000 });
      const { job, isNew } = await store.add(asked);
      expect(isNew).toBe(true);
      expect(job).toMatchObject({
        id: asked.id,
        task: 'quick',
        client: 'ann',
        state: 'waiting',
        attempts: 0,
      });
      expect(job).toMatchObject({ requestId: 'r1', traceId: 't1', timeoutMs: 5_000, startedAtMs: null });
      expect(await store.result(job.id)).toBeUndefined();

      const run = await runJobs(store, ['quick'], 1).next();
      expect(run.job).toMatchObject({ id: job.id, state: 'running', attempts: 1 });
      expect(run.input).toMatchObject({ kind: 'bytes', contentType: 'image/png', query: { width: '96' } });
      expect(Buffer.compare(run.input.body, input.body)).toBe(0);
      expect(await store.result(job.id)).toBeUndefined();

      const withHead = { ...head, head: { status: 201, headers: ['X-A', 'b'], form: 'bytes' } } as const;
      await run.complete(withHead, text('done'));
      const ended = await store.get(job.id);
      expect(ended).toMatchObject({ state: 'completed', error: null, isExpired: false });
      expect(ended?.endedAtMs).toBeGreaterThanOrEqual(ended?.startedAtMs ?? Number.POSITIVE_INFINITY);
      expect(ended?.expiresAtMs).toBeGreaterThan(Date.now());
      expect((await store.result(job.id))?.head).toEqual(withHead);
      expect(await resultText(store, job.id)).toBe('done');
    });

    it('are unknown where nobody has added them', async () => {
      const store = await (await harness()).open();
      const id = newJobId();
      expect(await store.get(id)).toBeUndefined();
      expect(await store.cancel(id)).toBeUndefined();
      expect(await store.retry(id)).toBeUndefined();
      expect(await store.result(id)).toBeUndefined();
      expect(await store.watch(id, () => undefined)).toBeUndefined();
    });

    it('may have a large result that comes in pieces, or none at all', async () => {
      const { open } = await harness();
      const store = await open();
      const pieces = Array.from({ length: 40 }, () => randomBytes(200_000));
      const runner = runJobs(store, ['quick'], 2);
      const [large, empty] = [await store.add(newJob()), await store.add(newJob())];
      for (let i = 0; i < 2; i++) {
        const run = await runner.next();
        const isLarge = run.job.id === large.job.id;
        await run.complete(
          head,
          isLarge
            ? (async function* () {
                yield* pieces;
              })()
            : new Uint8Array(0),
        );
      }
      const other = await open();
      const result = await other.result(large.job.id);
      expect(result?.bytes).toBe(8_000_000);
      expect(Buffer.compare(await buffer(result?.body ?? Readable.from([])), Buffer.concat(pieces))).toBe(0);
      expect(await resultText(other, empty.job.id)).toBe('');
    });

    it('are run by processes that know their task, and left alone by others', async () => {
      const { open } = await harness();
      const [older, newer] = [await open(), await open()];
      const ofOlder = runJobs(older, ['quick'], 4);
      const unknown = await older.add(newJob({ task: 'new' }));
      const known = await older.add(newJob({ task: 'quick' }));
      const run = await ofOlder.next();
      expect(run.job.id).toBe(known.job.id);
      await run.complete(head, text('a'));
      expect(await older.get(unknown.job.id)).toMatchObject({ state: 'waiting' });
      const later = await runJobs(newer, ['new', 'quick'], 4).next();
      expect(later.job.id).toBe(unknown.job.id);
      await later.complete(head, text('b'));
      expect(ofOlder.begun).toHaveLength(1);
    });

    it('are as many at once as a process has capacity for', async () => {
      const { open } = await harness();
      const store = await open();
      const runner = runJobs(store, ['quick'], 2);
      for (let i = 0; i < 4; i++) await store.add(newJob());
      const [first] = [await runner.next(), await runner.next()];
      expect((await store.counts()).states).toMatchObject({ waiting: 2, running: 2 });
      runner.consumer.capacity(1);
      await first.complete(head, text('a'));
      expect((await store.counts()).states).toMatchObject({ waiting: 2, running: 1, completed: 1 });
      runner.consumer.capacity(3);
      await runner.next();
      await runner.next();
      expect(await store.counts()).toMatchObject({
        states: { waiting: 0, running: 3 },
        oldestMs: 0,
        reruns: 0,
      });
    });

    it('of several clients are taken in turn, and each client’s own as they came', async () => {
      const { open } = await harness();
      const store = await open();
      const added: string[] = [];
      for (const client of ['ann', 'ann', 'ann', 'bob', 'bob', 'eve'])
        added.push((await store.add(newJob({ client }))).job.id);
      const runner = runJobs(store, ['quick'], 1);
      const order: number[] = [];
      for (let i = 0; i < added.length; i++) {
        const run = await runner.next();
        order.push(added.indexOf(run.job.id));
        await run.complete(head, text('a'));
      }
      expect(order).toEqual([0, 3, 5, 1, 4, 2]);
    });

    it('of a task of which only so many may be at a process leave their places to others', async () => {
      const { open } = await harness();
      const store = await open();
      const narrow: string[] = [];
      for (let i = 0; i < 3; i++) narrow.push((await store.add(newJob({ task: 'narrow' }))).job.id);
      const quick = (await store.add(newJob())).job.id;
      const runner = runJobs(store, ['narrow', 'quick'], 3, { narrow: 1 });
      const begun = [await runner.next(), await runner.next()];
      expect(begun.map(({ job }) => job.id).toSorted()).toEqual([narrow[0], quick].toSorted());
      for (const run of begun) await run.complete(head, text('a'));
      for (const id of narrow.slice(1)) {
        const next = await runner.next();
        expect(next.job.id).toBe(id);
        await next.complete(head, text('b'));
      }
      expect(runner.begun).toHaveLength(4);
    });

    it('are refused where too many wait', async () => {
      const { open } = await harness({ mostWaiting: 2 });
      const store = await open();
      await store.add(newJob());
      await store.add(newJob());
      await expect(store.add(newJob())).rejects.toMatchObject({ code: 'OVERLOADED' });
      const run = await runJobs(store, ['quick'], 1).next();
      await store.add(newJob());
      await run.complete(head, text('a'));
    });
  });

  describe(`${name}: an idempotency key`, () => {
    const keyed = (key: string, fingerprint: string, more: Partial<NewJob> = {}): NewJob =>
      newJob({ idempotency: { key, fingerprint }, ...more });

    it('stands for one job of its client and task', async () => {
      const { open } = await harness();
      const [one, two] = [await open(), await open()];
      const first = await one.add(keyed('k', 'f'));
      const again = await two.add(keyed('k', 'f'));
      expect(again).toMatchObject({ isNew: false, job: { id: first.job.id } });
      expect(await two.add(keyed('k', 'f', { client: 'bob' }))).toMatchObject({ isNew: true });
      expect(await two.add(keyed('k', 'f', { task: 'other' }))).toMatchObject({ isNew: true });
      await expect(two.add(keyed('k', 'another'))).rejects.toMatchObject({ code: 'IDEMPOTENCY_MISMATCH' });
      const run = await runJobs(one, ['quick'], 1).next();
      await run.complete(head, text('a'));
      const ended = await two.add(keyed('k', 'f'));
      expect(ended).toMatchObject({ isNew: false, job: { id: first.job.id, state: 'completed' } });
    });

    it('is one job where fifty ask at once in several processes', async () => {
      const { open } = await harness();
      const stores = [await open(), await open(), await open()];
      const added = await Promise.all(
        Array.from({ length: 51 }, (_, i) => stores[i % 3]?.add(keyed('k', 'f'))),
      );
      expect(new Set(added.map((one) => one?.job.id)).size).toBe(1);
      expect(added.filter((one) => one?.isNew)).toHaveLength(1);
      expect((await stores[0]?.counts())?.states.waiting).toBe(1);
    });
  });

  describe(`${name}: a cancelled job`, () => {
    it('never runs where it waited', async () => {
      const { open } = await harness();
      const store = await open();
      const { job } = await store.add(newJob());
      const other = await store.add(newJob());
      expect(await (await open()).cancel(job.id)).toMatchObject({ state: 'cancelled' });
      expect(await store.cancel(job.id)).toMatchObject({ state: 'cancelled' });
      const runner = runJobs(store, ['quick'], 5);
      const run = await runner.next();
      expect(run.job.id).toBe(other.job.id);
      await run.complete(head, text('a'));
      expect(runner.begun).toHaveLength(1);
      expect(await store.result(job.id)).toBeUndefined();
    });

    it('is told to stop where it runs in another process, and nothing of it counts any more', async () => {
      const { open } = await harness();
      const [runs, asks] = [await open(), await open()];
      const { job } = await asks.add(newJob());
      const run = await runJobs(runs, ['quick'], 1).next();
      await asks.cancel(job.id);
      expect(await aborted(run.signal)).toBe('cancelled');
      await run.complete(head, text('late'));
      expect(await asks.get(job.id)).toMatchObject({ state: 'cancelled' });
      expect(await asks.result(job.id)).toBeUndefined();
      // Its place is free again.
      await asks.add(newJob());
      expect((await asks.counts()).states.cancelled).toBe(1);
    });

    it('stays as it is once it has ended', async () => {
      const { open } = await harness();
      const store = await open();
      const { job } = await store.add(newJob());
      await (await runJobs(store, ['quick'], 1).next()).complete(head, text('a'));
      expect(await store.cancel(job.id)).toMatchObject({ state: 'completed' });
      expect(await resultText(store, job.id)).toBe('a');
    });
  });

  describe(`${name}: identical jobs`, () => {
    const alike = (more: Partial<NewJob> = {}): NewJob => newJob({ share: { key: 's', ttlMs: 0 }, ...more });

    it('that wait or run have one run, each of them its own end and result', async () => {
      const { open } = await harness();
      const [one, two] = [await open(), await open()];
      const first = await one.add(alike());
      const runner = runJobs(one, ['quick'], 5);
      const run = await runner.next();
      const keyed = alike({ client: 'bob', idempotency: { key: 'k', fingerprint: 'f' } });
      const second = await two.add(keyed);
      expect(first).toMatchObject({ isNew: true, isShared: false });
      expect(second).toMatchObject({ isNew: true, isShared: true, job: { state: 'waiting', client: 'bob' } });
      expect(second.job.id).not.toBe(first.job.id);
      expect(await two.add(keyed)).toMatchObject({ isNew: false, job: { id: second.job.id } });
      const left = await two.add(alike());
      expect(await two.cancel(left.job.id)).toMatchObject({ state: 'cancelled' });
      expect(run.signal.aborted).toBe(false);
      const other = await two.add(alike({ share: { key: 'another', ttlMs: 0 } }));
      const ofOther = await runner.next();
      expect(ofOther.job.id).toBe(other.job.id);

      await run.complete(head, text('a'));
      const ended = await jobWhen(two, second.job.id, ({ state }) => state !== 'waiting');
      expect(ended).toMatchObject({ state: 'completed', attempts: 0 });
      for (const { job } of [first, second]) expect(await resultText(two, job.id)).toBe('a');
      expect((await two.result(first.job.id))?.head).toMatchObject({ lane: 'thread', runMs: 2 });
      expect((await two.result(second.job.id))?.head).toMatchObject({ lane: 'shared', runMs: 0 });
      expect(await one.get(left.job.id)).toMatchObject({ state: 'cancelled' });

      // Its result is not kept for others.
      expect(await two.add(alike())).toMatchObject({ isShared: false });
      await (await runner.next()).complete(head, text('b'));
      await ofOther.complete(head, text('c'));
      expect(runner.begun).toHaveLength(3);
      const { states } = await one.counts();
      expect(states).toMatchObject({ waiting: 0, running: 0, completed: 4, cancelled: 1 });
    });

    it('go on with the next one where the first is cancelled, whether it waits or runs', async () => {
      const { open } = await harness();
      const [runs, asks] = [await open(), await open()];
      const ids: string[] = [];
      for (let i = 0; i < 4; i++) ids.push((await asks.add(alike())).job.id);
      const [waits = '', runsFirst = '', runsNext = '', follows = ''] = ids;
      await asks.cancel(waits);
      const runner = runJobs(runs, ['quick'], 1);
      const first = await runner.next();
      expect(first.job.id).toBe(runsFirst);
      await asks.cancel(runsFirst);
      expect(await aborted(first.signal)).toBe('cancelled');
      await first.giveBack();
      const next = await runner.next();
      expect(next.job).toMatchObject({ id: runsNext, attempts: 1 });
      // Whoever comes now follows that one.
      const late = await asks.add(alike());
      expect(late.isShared).toBe(true);
      await next.complete(head, text('a'));
      for (const id of [runsNext, follows, late.job.id]) expect(await resultText(asks, id)).toBe('a');
      expect((await asks.counts()).states).toMatchObject({ waiting: 0, completed: 3, cancelled: 2 });
      expect(runner.begun).toHaveLength(2);
    });

    it('fail alike, and each may be tried again by itself', async () => {
      const { open } = await harness();
      const store = await open();
      const ids = [(await store.add(alike())).job.id, (await store.add(alike())).job.id];
      const runner = runJobs(store, ['quick'], 1);
      await (await runner.next()).fail(problem, false);
      for (const id of ids) expect(await store.get(id)).toMatchObject({ state: 'failed', error: problem });
      const [, second = ''] = ids;
      await store.retry(second);
      const again = await runner.next();
      expect(again.job).toMatchObject({ id: second, attempts: 1 });
      await again.complete(head, text('a'));
      expect(await resultText(store, second)).toBe('a');
      expect((await store.result(second))?.head).toMatchObject({ lane: 'thread' });
      expect(runner.begun).toHaveLength(2);
    });

    it('have the result of the next run where that of the first was lost with its process', async () => {
      const { open, kill } = await harness();
      const [dies, lives] = [await open(), await open()];
      const ids = [(await dies.add(alike())).job.id];
      await runJobs(dies, ['quick'], 1).next();
      ids.push((await lives.add(alike())).job.id);
      await kill(dies);
      const again = await runJobs(lives, ['quick'], 1).next();
      expect(again.job).toMatchObject({ id: ids[0], attempts: 2 });
      ids.push((await lives.add(alike())).job.id);
      await again.complete(head, text('a'));
      for (const id of ids) expect(await resultText(lives, id)).toBe('a');
    });

    it('count as waiting, each of them', async () => {
      const { open } = await harness({ mostWaiting: 2 });
      const store = await open();
      await store.add(alike());
      await store.add(alike());
      await expect(store.add(alike())).rejects.toMatchObject({ code: 'OVERLOADED' });
    });

    it('that come later have a result at once that their task keeps, and after that time another run', async () => {
      const { open } = await harness();
      const [one, two] = [await open(), await open()];
      const kept = (ttlMs: number) => alike({ share: { key: `kept for ${ttlMs}`, ttlMs } });
      const runner = runJobs(one, ['quick'], 1);
      const first = await one.add(kept(600_000));
      await (await runner.next()).complete(head, text('a'));
      const second = await two.add(kept(600_000));
      expect(second).toMatchObject({ isNew: true, isShared: true, job: { state: 'completed', attempts: 0 } });
      expect(await resultText(two, second.job.id)).toBe('a');
      expect(await two.get(second.job.id)).toMatchObject({ state: 'completed' });
      expect((await two.add(kept(600_000))).isShared).toBe(true);
      expect(await resultText(two, first.job.id)).toBe('a');

      await one.add(kept(1));
      await (await runner.next()).complete(head, text('b'));
      await expect.poll(async () => (await two.add(kept(1))).isShared).toBe(false);
      const next = await runner.next();
      await next.complete(head, text('c'));
      expect(await resultText(one, next.job.id)).toBe('c');
      expect(runner.begun).toHaveLength(3);
    });
  });

  describe(`${name}: a run that does not complete`, () => {
    it('ends its job at once where it was the job’s fault', async () => {
      const { open } = await harness();
      const store = await open();
      const { job } = await store.add(newJob());
      const issues = [{ path: 'n', message: 'no' }];
      await (await runJobs(store, ['quick'], 1).next()).fail(
        { code: 'INVALID_INPUT', detail: 'No.', issues },
        false,
      );
      const failed = await store.get(job.id);
      expect(failed).toMatchObject({ state: 'failed', attempts: 1 });
      expect(failed?.error).toEqual({ code: 'INVALID_INPUT', detail: 'No.', issues });
    });

    it('is tried again where it was not, until the attempts are used up', async () => {
      const { open } = await harness({ attempts: 2 });
      const store = await open();
      const { job } = await store.add(newJob());
      const runner = runJobs(store, ['quick'], 1);
      await (await runner.next()).fail({ code: 'THREAD_LOST', detail: 'Lost.' }, true);
      const second = await runner.next();
      expect(second.job).toMatchObject({ id: job.id, attempts: 2 });
      await second.fail({ code: 'THREAD_LOST', detail: 'Lost again.' }, true);
      expect(await store.get(job.id)).toMatchObject({
        state: 'failed',
        attempts: 2,
        error: { code: 'THREAD_LOST', detail: 'Lost again.' },
      });
      expect((await store.counts()).reruns).toBe(1);
    });

    it('goes back to its old place when it is given back, and was no attempt', async () => {
      const { open } = await harness();
      const [leaves, stays] = [await open(), await open()];
      const { job } = await leaves.add(newJob());
      const runner = runJobs(leaves, ['quick'], 1);
      const run = await runner.next();
      const behind = await leaves.add(newJob());
      await runner.consumer.close();
      await run.giveBack();
      const other = runJobs(stays, ['quick'], 1);
      const again = await other.next();
      expect(again.job).toMatchObject({ id: job.id, attempts: 1 });
      await again.complete(head, text('a'));
      const last = await other.next();
      expect(last.job.id).toBe(behind.job.id);
      await last.complete(head, text('b'));
      expect(runner.begun).toHaveLength(1);
    });

    it('is tried again by another process where its own has died', async () => {
      const { open, kill } = await harness();
      const [dies, lives] = [await open(), await open()];
      const { job } = await lives.add(newJob());
      const lost = await runJobs(dies, ['quick'], 1).next();
      await kill(dies);
      const again = await runJobs(lives, ['quick'], 1).next();
      expect(again.job).toMatchObject({ id: job.id, attempts: 2 });
      expect(Buffer.from(again.input.body).toString()).toBe('{"n":1}');
      await again.complete(head, text('second'));
      await lost.complete(head, text('first')).catch(() => undefined);
      expect(await resultText(lives, job.id)).toBe('second');
      expect((await lives.counts()).reruns).toBe(1);
    });

    it('fails its job once that has lost all its attempts with their processes', async () => {
      const { open, kill } = await harness({ attempts: 2 });
      const store = await open();
      const { job } = await store.add(newJob());
      for (let i = 0; i < 2; i++) {
        const victim = await open();
        await runJobs(victim, ['quick'], 1).next();
        await kill(victim);
      }
      const failed = await jobWhen(store, job.id, ({ state }) => state === 'failed');
      expect(failed).toMatchObject({ attempts: 2, error: { code: 'THREAD_LOST' } });
    });

    it('may be tried again by an operator, with all attempts', async () => {
      const { open } = await harness();
      const store = await open();
      const { job } = await store.add(newJob({ input: jsonInput({ n: 7 }) }));
      await expect(store.retry(job.id)).rejects.toMatchObject({ code: 'CONFLICT' });
      const runner = runJobs(store, ['quick'], 1);
      await (await runner.next()).fail(problem, false);
      expect(await (await open()).retry(job.id)).toMatchObject({
        state: 'waiting',
        attempts: 0,
        error: null,
      });
      const again = await runner.next();
      expect(Buffer.from(again.input.body).toString()).toBe('{"n":7}');
      await again.complete(head, text('a'));
      expect(await store.get(job.id)).toMatchObject({ state: 'completed', attempts: 1 });
    });
  });

  describe(`${name}: who looks on`, () => {
    it('is told of every state and of progress, in any process, with numbers that rise', async () => {
      const { open } = await harness();
      const [runs, looks] = [await open(), await open()];
      const { job } = await runs.add(newJob());
      const seen: Job[] = [];
      const watch = await looks.watch(job.id, (now) => void seen.push(now));
      const run = await runJobs(runs, ['quick'], 1).next();
      await jobWhen(looks, job.id, ({ state }) => state === 'running');
      run.progress({ done: 0.4, note: 'parsed' });
      await jobWhen(looks, job.id, ({ progress }) => progress?.done === 0.4);
      await run.complete(head, text('a'));
      await jobWhen(looks, job.id, ({ state }) => state === 'completed');
      await expect.poll(() => seen.at(-1)?.state).toBe('completed');
      watch?.close();
      expect(seen.map(({ state }) => state)).toEqual(
        expect.arrayContaining(['waiting', 'running', 'completed']),
      );
      expect(seen.find(({ progress }) => progress !== null)?.progress).toEqual({ done: 0.4, note: 'parsed' });
      const numbers = seen.map(({ seq }) => Math.max(seq.state, seq.progress));
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
      const last = seen.at(-1)?.seq;
      expect(last?.state).toBeGreaterThan(last?.progress ?? Number.POSITIVE_INFINITY);
    });

    it('finds a client’s jobs newest first, by state, page by page', async () => {
      const { open } = await harness();
      const store = await open();
      const ids: string[] = [];
      for (let i = 0; i < 5; i++) ids.unshift((await store.add(newJob({ client: 'ann' }))).job.id);
      const bobs = await store.add(newJob({ client: 'bob' }));
      await store.cancel(ids[1] ?? '');
      const list = (more: Partial<Parameters<JobStore['list']>[0]>) => store.list({ limit: 100, ...more });
      const idsOf = async (more: Parameters<typeof list>[0]) => (await list(more)).jobs.map(({ id }) => id);
      expect(await idsOf({ client: 'ann' })).toEqual(ids);
      expect(await idsOf({})).toEqual([bobs.job.id, ...ids]);
      expect(await idsOf({ client: 'nobody' })).toEqual([]);
      expect(await idsOf({ state: 'cancelled' })).toEqual([ids[1]]);
      const paged: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await list({ client: 'ann', limit: 2, cursor });
        expect(page.jobs.length).toBeLessThanOrEqual(2);
        paged.push(...page.jobs.map(({ id }) => id));
        cursor = page.next;
      } while (cursor !== undefined);
      expect(paged).toEqual(ids);
      expect(await idsOf({ cursor: '*no cursor*' })).toEqual([]);
    });

    it('finds no result any more once it has expired, and its key is free again', async () => {
      const { open } = await harness({ keepMs: 300 });
      const store = await open();
      const idempotency = { key: 'k', fingerprint: 'f' };
      const { job } = await store.add(newJob({ idempotency }));
      await (await runJobs(store, ['quick'], 1).next()).complete(head, text('a'));
      await expect.poll(async () => (await store.get(job.id))?.isExpired ?? true).toBe(true);
      expect(await store.result(job.id)).toBeUndefined();
      expect((await store.list({ limit: 10 })).jobs).toEqual([]);
      await expect
        .poll(async () => (await store.add(newJob({ idempotency, task: 'quick' }))).isNew)
        .toBe(true);
    });
  });
}
