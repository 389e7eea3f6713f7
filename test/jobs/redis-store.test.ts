import { randomBytes } from 'node:crypto';
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
/** Deaths are noticed sooner here. */
const timings = { lockMs: 2_000, stalledCheckMs: 1_000, beatMs: 500 };

async function openAt(
  url: string,
  limits: JobLimits,
  prefix = randomBytes(6).toString('hex'),
): Promise<JobStore> {
  const address = parseRedisUrl(url);
  if (address === undefined) throw new Error(`no address: ${url}`);
  return openRedisStore({ address, limits, prefix, timings });
}

describe.skipIf(!hasRedis)('the store on Redis', () => {
  let redis: TestRedis | undefined;

  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis?.close());

  jobStoreContract(
    'on Redis',
    async (limits) => {
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
    },
    60_000,
  );

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

  it('keeps inputs and results in keys of its own, which expire', async () => {
    const prefix = randomBytes(6).toString('hex');
    const store = await openAt(redis?.url ?? '', usual, prefix);
    onTestFinished(() => store.close());
    const client = new Redis(redis?.url ?? '');
    onTestFinished(() => client.disconnect());
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

  it('works on a cluster of three', async () => {
    const cluster = await startRedisCluster();
    onTestFinished(() => cluster.close());
    const prefix = randomBytes(6).toString('hex');
    const [one, two] = [await openAt(cluster.url, usual, prefix), await openAt(cluster.url, usual, prefix)];
    onTestFinished(() => one.close());
    onTestFinished(() => two.close());
    const { job } = await one.add(newJob());
    const run = await runJobs(two, ['quick'], 1).next();
    await jobWhen(one, job.id, ({ state }) => state === 'running');
    await run.complete(head, new TextEncoder().encode('a'));
    expect(await resultText(one, job.id)).toBe('a');
    const held = await two.add(newJob());
    const stopped = await runJobs(one, ['quick'], 1).next();
    const cancelled = new Promise((resolve) => stopped.signal.addEventListener('abort', resolve));
    await two.cancel(held.job.id);
    await cancelled;
    expect(stopped.signal.reason).toBe('cancelled');
  });
});
