import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { openRedisStore } from '#src/jobs/redis/redis-store.js';
import type { JobLimits, JobStore } from '#src/jobs/store.js';
import { parseRedisUrl } from '#src/redis-address.js';
import {
  type Cable,
  cableTo,
  hasRedis,
  startRedis,
  startRedisCluster,
  type TestRedis,
} from '../support/redis.js';
import { jobStoreContract, jobWhen, jsonInput, newJob, resultText, runJobs } from './contract.js';

const usual: JobLimits = { mostWaiting: 1_000, keepMs: 3_600_000, attempts: 3 };
const head = { lane: 'thread', contentType: 'text/plain', queueMs: 0, runMs: 0 } as const;
/** Deaths are noticed sooner here, and a Redis that a busy machine keeps waiting is not away. */
const timings = { lockMs: 2_000, stalledCheckMs: 1_000, beatMs: 500, patienceMs: 60_000 };

async function openAt(
  url: string,
  limits: JobLimits,
  prefix = randomBytes(6).toString('hex'),
  given = timings,
): Promise<JobStore> {
  const address = parseRedisUrl(url);
  if (address === undefined) throw new Error(`no address: ${url}`);
  return openRedisStore({ address, limits, prefix, timings: given });
}

describe.skipIf(!hasRedis)('the store on Redis', () => {
  let redis: TestRedis | undefined;

  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis?.close());

  /** A store, and a client that looks at its keys. */
  async function openBesideClient(given = timings): Promise<{
    readonly prefix: string;
    readonly store: JobStore;
    readonly client: Redis;
  }> {
    const prefix = randomBytes(6).toString('hex');
    const store = await openAt(redis?.url ?? '', usual, prefix, given);
    onTestFinished(() => store.close());
    const client = new Redis(redis?.url ?? '');
    onTestFinished(() => client.disconnect());
    return { prefix, store, client };
  }

  jobStoreContract('on Redis', async (limits) => {
    const prefix = randomBytes(6).toString('hex');
    const cables = new Map<JobStore, Cable>();
    return {
      async open() {
        const cable = await cableTo(redis?.port ?? 0);
        const store = await openAt(`redis://127.0.0.1:${cable.port}`, limits, prefix);
        cables.set(store, cable);
        return store;
      },
      async kill(store) {
        await cables.get(store)?.cut();
        await store.close();
      },
      async close() {
        for (const [store, cable] of cables) {
          await store.close();
          await cable.cut();
        }
      },
    };
  });

  it('takes the next job of a row with the end of the last one', async () => {
    // No lock runs out here, however busy the machine.
    const { prefix, store, client } = await openBesideClient({ ...timings, lockMs: 60_000 });
    for (let i = 0; i < 3; i++) await store.add(newJob());
    const runner = runJobs(store, ['quick'], 1);
    const locks: (string | null)[] = [];
    for (let i = 0; i < 3; i++) {
      const run = await runner.next();
      locks.push(await client.get(`{${prefix}}:quick:${run.job.id}:lock`));
      await run.complete(head, new Uint8Array(1));
    }
    // A ticket that comes with the end of another one has the same token; one that was asked for has one of its own.
    expect(locks[0]).not.toBeNull();
    expect(locks).toEqual([locks[0], locks[0], locks[0]]);
  });

  it('gives jobs of another task their turn in between', async () => {
    const store = await openAt(redis?.url ?? '', usual);
    onTestFinished(() => store.close());
    for (const task of ['quick', 'quick', 'other', 'other']) await store.add(newJob({ task }));
    const runner = runJobs(store, ['quick', 'other'], 1);
    const tasks: string[] = [];
    for (let i = 0; i < 4; i++) {
      const run = await runner.next();
      tasks.push(run.job.task);
      await run.complete(head, new Uint8Array(1));
    }
    expect(tasks).toEqual(['quick', 'other', 'quick', 'other']);
  });

  it('is seen by BullMQ’s own tools, which may have a failed job tried again, or remove one that waits', async () => {
    const prefix = randomBytes(6).toString('hex');
    const store = await openAt(redis?.url ?? '', usual, prefix);
    onTestFinished(() => store.close());
    const connection = { host: '127.0.0.1', port: redis?.port ?? 0 };
    const queue = new Queue('quick', { connection, prefix: `{${prefix}}` });
    onTestFinished(() => queue.close());

    const failed = (await store.add(newJob())).job;
    const runner = runJobs(store, ['quick'], 1);
    await (await runner.next()).fail({ code: 'TASK_FAILED', detail: 'The task failed.' }, false);
    const seen = await queue.getJob(failed.id);
    expect(seen).toMatchObject({ name: 'quick', data: { client: 'ann' }, failedReason: 'The task failed.' });
    expect(await queue.getJobCounts('wait', 'prioritized', 'active', 'failed')).toMatchObject({ failed: 1 });
    await seen?.retry();
    const again = await runner.next();
    expect(again.job).toMatchObject({ id: failed.id, state: 'running', attempts: 1, error: null });
    expect(again.job.seq.state).toBeGreaterThan(failed.seq.state);

    const waits = (await store.add(newJob())).job;
    expect(await queue.getJobCounts('prioritized', 'active')).toEqual({ prioritized: 1, active: 1 });
    await queue.remove(waits.id);
    await again.complete(head, new Uint8Array(1));
    expect(await queue.getJobCounts('prioritized', 'completed')).toEqual({ prioritized: 0, completed: 1 });
  });

  it('does not run a failed job again whose ticket comes late, but does so for a tool of BullMQ’s', async () => {
    const prefix = randomBytes(6).toString('hex');
    const limits = { ...usual, attempts: 1 };
    const store = await openAt(redis?.url ?? '', limits, prefix);
    onTestFinished(() => store.close());
    const queue = new Queue('quick', {
      connection: { host: '127.0.0.1', port: redis?.port ?? 0 },
      prefix: `{${prefix}}`,
    });
    onTestFinished(() => queue.close());
    const cable = await cableTo(redis?.port ?? 0);
    const victim = await openAt(`redis://127.0.0.1:${cable.port}`, limits, prefix);
    const { job } = await store.add(newJob());
    await runJobs(victim, ['quick'], 1).next();
    await cable.cut();
    await victim.close();
    // Nobody takes tickets of its task: it fails without its own.
    await jobWhen(store, job.id, ({ state }) => state === 'failed');
    expect(await queue.getJobCounts('active', 'failed')).toEqual({ active: 1, failed: 0 });

    const runner = runJobs(store, ['quick'], 1);
    await expect.poll(() => queue.getJobCounts('active', 'failed')).toEqual({ active: 0, failed: 1 });
    expect(runner.begun).toEqual([]);
    expect(await store.get(job.id)).toMatchObject({ state: 'failed', error: { code: 'THREAD_LOST' } });
    const ticket = await queue.getJob(job.id);
    await ticket?.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true });
    expect((await runner.next()).job).toMatchObject({ id: job.id, attempts: 1, error: null });
  });

  it('gives a job a ticket that was tried again, but got none', async () => {
    const { prefix, store, client } = await openBesideClient();
    const runner = runJobs(store, ['quick'], 1);
    const ids: string[] = [];
    for (let i = 0; i < 2; i++) {
      ids.push((await store.add(newJob())).job.id);
      await (await runner.next()).fail({ code: 'TASK_FAILED', detail: 'The task failed.' }, false);
    }
    const [held = '', missing = ''] = ids;
    // As if the run that has ended had not let go of it yet: its ticket can be neither removed nor replaced.
    for (const id of ids) {
      await client.set(`{${prefix}}:quick:${id}:lock`, 'another');
      expect(await store.retry(id)).toMatchObject({ state: 'waiting' });
      await client.del(`{${prefix}}:quick:${id}:lock`);
    }
    // As if whoever had it tried again had died between the two.
    await client.del(`{${prefix}}:quick:${missing}`);
    await client.zrem(`{${prefix}}:quick:failed`, missing);
    await client.hset(`{${prefix}}.job:${missing}`, 'due', 1);
    for (const id of ids) await client.hset(`{${prefix}}.job:${id}`, 'since', 0);
    const first = await runner.next();
    expect(first.job).toMatchObject({ id: held, attempts: 1 });
    await first.complete(head, new Uint8Array(1));
    expect((await runner.next()).job).toMatchObject({ id: missing, attempts: 1 });
    expect(await client.hexists(`{${prefix}}.job:${missing}`, 'due')).toBe(0);
  });

  it('stops at once where Redis goes away between a ticket and its input', async () => {
    const prefix = randomBytes(6).toString('hex');
    const store = await openAt(redis?.url ?? '', usual, prefix);
    onTestFinished(() => store.close());
    const cable = await cableTo(redis?.port ?? 0, '.input:');
    const stopping = await openAt(`redis://127.0.0.1:${cable.port}`, usual, prefix);
    onTestFinished(() => stopping.close());
    // A smaller one comes with the run.
    const input = { ...newJob().input, body: new Uint8Array(300_000) };
    const { job } = await store.add(newJob({ input }));
    const runner = runJobs(stopping, ['quick'], 1);
    await cable.hasCutItself;
    await runner.consumer.close();
    expect(runner.begun).toEqual([]);
    expect((await runJobs(store, ['quick'], 1).next()).job).toMatchObject({ id: job.id, state: 'running' });
  });

  it('tells when a job was created by Redis’s clock, as it does when it began', async () => {
    const { prefix, store, client } = await openBesideClient();
    const { job } = await store.add(newJob());
    expect(await client.hget(`{${prefix}}.job:${job.id}`, 'createdAt')).toBe(String(job.createdAtMs));
    await client.hset(`{${prefix}}.job:${job.id}`, 'createdAt', 5);
    expect(await store.get(job.id)).toMatchObject({ createdAtMs: 5 });
  });

  it('keeps inputs and results in keys of its own, which expire', async () => {
    const { prefix, store, client } = await openBesideClient();
    const { job } = await store.add(newJob({ input: jsonInput('x'.repeat(600_000)) }));
    expect(await client.hlen(`{${prefix}}.input:${job.id}`)).toBe(3);
    expect(await client.pttl(`{${prefix}}.input:${job.id}`)).toBe(-1);
    const run = await runJobs(store, ['quick'], 1).next();
    await run.complete(head, new Uint8Array(9));
    expect(await client.exists(`{${prefix}}.input:${job.id}`)).toBe(0);
    const keys = await client.keys('*');
    const result = keys.find((key) => key.startsWith(`{${prefix}}.result:${job.id}`)) ?? '';
    expect(await client.pttl(result)).toBeGreaterThan(usual.keepMs - 60_000);
    expect(await client.pttl(`{${prefix}}.job:${job.id}`)).toBeGreaterThan(usual.keepMs);
    expect(await client.hget(`{${prefix}}:quick:${job.id}`, 'returnvalue')).toBe('null');
  });

  it('gives a run another way to end where Redis is full, and refuses jobs then', async () => {
    const full = await startRedis();
    onTestFinished(() => full.close());
    const store = await openAt(full.url, { ...usual, attempts: 1 });
    onTestFinished(() => store.close());
    const client = new Redis(full.url);
    onTestFinished(() => client.disconnect());
    const { job } = await store.add(newJob());
    const run = await runJobs(store, ['quick'], 1).next();
    await client.config('SET', 'maxmemory', '1');
    await expect(run.complete(head, new Uint8Array(9))).rejects.toThrow();
    await expect(store.add(newJob())).rejects.toMatchObject({ code: 'OVERLOADED' });
    await client.config('SET', 'maxmemory', '0');
    await run.fail({ code: 'INTERNAL', detail: 'It could not be kept.' }, false);
    expect(await store.get(job.id)).toMatchObject({ state: 'failed', error: { code: 'INTERNAL' } });
  });

  it.each(['stands still', 'is dead'])(
    'hands in what ran on where Redis %s for longer than a lock lasts, and runs it once',
    async (how) => {
      const own = await startRedis('--appendfsync', 'always');
      onTestFinished(() => own.close());
      const store = await openAt(own.url, usual);
      onTestFinished(() => store.close());
      const asking = await openAt(own.url, usual, undefined, { ...timings, patienceMs: 800 });
      onTestFinished(() => asking.close());
      const { job } = await store.add(newJob());
      const runner = runJobs(store, ['quick'], 1);
      const run = await runner.next();
      if (how === 'is dead') await own.kill();
      else own.process.kill('SIGSTOP');
      const completing = run.complete(head, new TextEncoder().encode('a'));
      // The absence itself, longer than the lock and the search for lost runs together.
      await sleep(timings.lockMs + timings.stalledCheckMs + 500);
      await expect(asking.add(newJob())).rejects.toMatchObject({ code: 'OVERLOADED' });
      if (how === 'is dead') await own.restart();
      else own.process.kill('SIGCONT');
      await completing;
      expect(await resultText(store, job.id)).toBe('a');
      expect(await store.get(job.id)).toMatchObject({ state: 'completed', attempts: 1 });
      // The next one that begins is another job.
      const after = await store.add(newJob());
      expect((await runner.next()).job.id).toBe(after.job.id);
      expect((await store.counts()).reruns).toBe(0);
    },
  );

  it('keeps a result for as long as the last job that has it, and lets nobody wait for a job that was evicted', async () => {
    const { prefix, store, client } = await openBesideClient();
    const alike = () => newJob({ share: { key: 's', ttlMs: 600_000 } });
    const first = (await store.add(alike())).job.id;
    const runner = runJobs(store, ['quick'], 1);
    await (await runner.next()).complete(head, new TextEncoder().encode('a'));
    const result = `{${prefix}}.result:${first}:1`;
    await client.pexpire(result, 600_000);
    const second = (await store.add(alike())).job.id;
    expect(await client.pttl(result)).toBeGreaterThan(usual.keepMs - 300_000);
    expect(await resultText(store, second)).toBe('a');
    expect(await client.pttl(`{${prefix}}.share:s`)).toBeGreaterThan(0);

    const others = () => newJob({ share: { key: 'others', ttlMs: 0 } });
    const evicted = (await store.add(others())).job.id;
    const held = await runner.next();
    expect(held.job.id).toBe(evicted);
    const follows = await store.add(others());
    expect(follows.isShared).toBe(true);
    await client.del(`{${prefix}}.job:${evicted}`);
    await held.complete(head, new Uint8Array(1));
    const next = await runner.next();
    expect(next.job).toMatchObject({ id: follows.job.id, attempts: 1 });
    await next.complete(head, new TextEncoder().encode('b'));
    expect(await resultText(store, follows.job.id)).toBe('b');
    expect(await client.keys(`{${prefix}}.followers:*`)).toEqual([]);
  });

  it('gives a ticket to who follows a job that was cancelled by somebody who died over it', async () => {
    const { prefix, store, client } = await openBesideClient();
    const alike = () => newJob({ share: { key: 's', ttlMs: 0 } });
    const first = (await store.add(alike())).job.id;
    const follows = await store.add(alike());
    expect(follows.isShared).toBe(true);
    const second = follows.job.id;
    await store.cancel(first);
    await expect.poll(() => client.hexists(`{${prefix}}.job:${second}`, 'due')).toBe(0);
    // As if whoever cancelled it had died between the two, a while ago.
    await client.del(`{${prefix}}:quick:${second}`);
    await client.zrem(`{${prefix}}:quick:prioritized`, second);
    await client.hset(`{${prefix}}.job:${second}`, 'due', 1, 'since', 0);
    expect((await runJobs(store, ['quick'], 1).next()).job).toMatchObject({ id: second, attempts: 1 });
  });

  it('works on a cluster of three', async () => {
    const cluster = await startRedisCluster();
    onTestFinished(() => cluster.close());
    const prefix = randomBytes(6).toString('hex');
    const [one, two] = [await openAt(cluster.url, usual, prefix), await openAt(cluster.url, usual, prefix)];
    onTestFinished(() => one.close());
    onTestFinished(() => two.close());
    const { job } = await one.add(newJob());
    const onTwo = runJobs(two, ['quick'], 1);
    const run = await onTwo.next();
    await jobWhen(one, job.id, ({ state }) => state === 'running');
    await run.complete(head, new TextEncoder().encode('a'));
    expect(await resultText(one, job.id)).toBe('a');
    await onTwo.consumer.close();
    const held = await two.add(newJob());
    const runner = runJobs(one, ['quick'], 1);
    const stopped = await runner.next();
    const cancelled = new Promise((resolve) => stopped.signal.addEventListener('abort', resolve));
    await two.cancel(held.job.id);
    await cancelled;
    expect(stopped.signal.reason).toBe('cancelled');
    const alike = () => newJob({ share: { key: 's', ttlMs: 0 } });
    const shared = [(await one.add(alike())).job.id, (await two.add(alike())).job.id];
    const third = (await two.add(alike())).job.id;
    await two.cancel(shared.shift() ?? '');
    await stopped.giveBack();
    await (await runner.next()).complete(head, new TextEncoder().encode('b'));
    for (const id of [...shared, third]) {
      await jobWhen(one, id, ({ state }) => state === 'completed');
      expect(await resultText(one, id)).toBe('b');
    }
  });
});
