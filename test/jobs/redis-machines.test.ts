// Whole machines on one Redis: each is a primary with its server processes.
import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { openRedisStore } from '#src/jobs/redis/redis-store.js';
import { defaultTimings } from '#src/jobs/redis/timings.js';
import { parseRedisUrl } from '#src/redis-address.js';
import { setBackAnHour, settableClock } from '../support/clock.js';
import { type Cluster, type Env, startCluster, unhurried } from '../support/cluster.js';
import {
  createHold,
  type Hold,
  type JobJson,
  jobEnded,
  jobTasks,
  jsonOf,
  patternOf,
  postJob,
} from '../support/jobs.js';
import { hasOpenssl, hasRedis, startRedis, startTlsRedis, type TestRedis } from '../support/redis.js';
import { jsonInput, newJob } from './contract.js';

/** Of another version of the software, as it were. */
const otherTasks = fileURLToPath(new URL('../fixtures/tasks', import.meta.url));

const start = (redis: TestRedis, env: Env = {}): Promise<Cluster> =>
  startCluster({
    timings: unhurried,
    env: {
      TASKS_DIR: jobTasks,
      WORKERS: '1',
      SHUTDOWN_TIMEOUT_MS: '1000',
      // Jobs are held here for as long as a busy machine needs.
      TASK_TIMEOUT_MS: '600000',
      REDIS_URL: redis.url,
      ...env,
    },
  });

/** Once Redis answers: on a busy machine it may count as away for a moment. */
async function ask(url: string, init: RequestInit = {}): Promise<Response> {
  for (;;) {
    const response = await fetch(url, init);
    if (response.status !== 503) return response;
    await sleep(100);
  }
}

const jobOf = async (url: string, id: string): Promise<JobJson> => jsonOf(await ask(`${url}/jobs/${id}`));

/** Asked for until it is accepted, always with one key. */
async function jobId(
  url: string,
  task: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<string> {
  const key = { 'Idempotency-Key': randomUUID(), ...headers };
  for (;;) {
    const response = await postJob(url, task, body, key);
    const { id } = await jsonOf(response);
    if (response.status === 202) return id;
    expect(response.status).toBe(503);
    await sleep(100);
  }
}

/** The whole machine, at once and without a word. */
function killMachine(machine: Cluster): void {
  for (const pid of [machine.pid, ...machine.serverPids()]) process.kill(pid, 'SIGKILL');
}

/** How often the runs of these names began beyond the first time. */
const repeats = (hold: Hold, names: readonly string[]): number =>
  names.reduce((sum, name) => sum + Math.max(0, hold.begun(name).length - 1), 0);

describe.skipIf(!hasRedis)('machines on one Redis', () => {
  let redis: TestRedis;
  let machines: Cluster[] = [];
  const at = (index: number): Cluster => {
    const machine = machines[index % machines.length];
    if (machine === undefined) throw new Error('no machine is left');
    return machine;
  };

  beforeAll(async () => {
    redis = await startRedis();
    machines = await Promise.all([
      start(redis),
      start(redis),
      start(redis, { ...settableClock, ACCESS_LOG: 'all' }),
    ]);
  });
  afterAll(async () => {
    await Promise.all(machines.map((machine) => machine.dispose()));
    await redis?.close();
  });

  /** The machine in which the run of this name has begun. */
  async function ranBy(hold: Hold, name: string): Promise<Cluster> {
    await expect.poll(() => hold.begun(name)).toHaveLength(1);
    const [pid = 0] = hold.begun(name);
    const machine = machines.find((one) => one.serverPids().includes(pid));
    if (machine === undefined) throw new Error(`no machine has process ${pid}`);
    return machine;
  }

  /** Their ids: jobs of these names, asked of one machine after the other. */
  function heldJobs(hold: Hold, names: readonly string[]): Promise<string[]> {
    return Promise.all(names.map((name, i) => jobId(at(i).url, 'held', { folder: hold.folder, name })));
  }

  it('take one job where fifty clients ask all of them with the same key, and cancel it from the other one', async () => {
    const hold = createHold();
    const input = { folder: hold.folder, name: 'a' };
    const ids = await Promise.all(
      Array.from({ length: 50 }, (_, i) => jobId(at(i).url, 'held', input, { 'Idempotency-Key': 'k' })),
    );
    expect(new Set(ids).size).toBe(1);
    const [id = ''] = ids;
    const runner = await ranBy(hold, 'a');
    const other = machines.find((one) => one !== runner);
    expect((await ask(`${other?.url}/jobs/${id}`, { method: 'DELETE' })).status).toBe(204);
    await expect.poll(() => hold.wasStopped('a')).toBe(true);
    for (const { url } of machines)
      await expect.poll(() => jobOf(url, id)).toMatchObject({ state: 'cancelled', attempts: 1 });
    expect(hold.begun('a')).toHaveLength(1);
  });

  it('give each other progress, results and lists', async () => {
    const hold = createHold();
    const id = await jobId(at(0).url, 'held', { folder: hold.folder, name: 'a' });
    await expect.poll(async () => (await jobOf(at(1).url, id)).progress?.done).toBe(0.5);
    hold.release();
    expect(await jobEnded(at(1).url, id)).toMatchObject({ state: 'completed', attempts: 1 });
    for (const { url } of machines) {
      const result = await ask(`${url}/jobs/${id}/result`);
      expect(await result.json()).toMatchObject({ name: 'a' });
      expect(await (await ask(`${url}/jobs?limit=1`)).json()).toMatchObject({ jobs: [{ id }] });
    }
    const everybodys = await ask(`${at(1).adminUrl}/jobs?limit=1`);
    expect(await everybodys.json()).toMatchObject({ jobs: [{ id, client: '127.0.0.1' }] });
  });

  it('run identical jobs of a task that shares once, and go on with the next one where the first is cancelled', async () => {
    const hold = createHold();
    const input = { folder: hold.folder, name: 'alike' };
    const first = await jobId(at(0).url, 'held-alike', input);
    await ranBy(hold, 'alike');
    const ids = await Promise.all([1, 2, 3].map((i) => jobId(at(i).url, 'held-alike', input)));
    const others = [await jobId(at(1).url, 'held-alike', { ...input, name: 'other' })];
    expect((await ask(`${at(1).url}/jobs/${first}`, { method: 'DELETE' })).status).toBe(204);
    await expect.poll(() => hold.wasStopped('alike')).toBe(true);
    await expect.poll(() => hold.begun('other')).toHaveLength(1);
    hold.release();
    for (const id of [...ids, ...others])
      expect(await jobEnded(at(0).url, id)).toMatchObject({ state: 'completed' });
    expect(hold.begun('alike')).toHaveLength(2);
    const answers = await Promise.all(
      ids.map(async (id, i) => (await ask(`${at(i).url}/jobs/${id}/result`)).json()),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    const counted = async (): Promise<number> => {
      const texts = await Promise.all(
        machines.map(async ({ adminUrl }) => (await fetch(`${adminUrl}/metrics`)).text()),
      );
      const line = /^millrace_job_runs_total\{task="held-alike",outcome="shared"\} (\d+)$/m;
      return texts.reduce((sum, text) => sum + Number(line.exec(text)?.[1] ?? 0), 0);
    };
    await expect.poll(counted).toBe(3);
  });

  it('bring a result of 100 MiB from one to the other, whole', async () => {
    const bytes = 104_857_600;
    const id = await jobId(at(0).url, 'blob', { bytes });
    expect(await jobEnded(at(1).url, id)).toMatchObject({ state: 'completed' });
    const head = await ask(`${at(2).url}/jobs/${id}/result`, { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(head.headers.get('content-length')).toBe(String(bytes));
    const hash = createHash('sha256');
    for await (const piece of (await ask(`${at(1).url}/jobs/${id}/result`)).body ?? []) hash.update(piece);
    const expected = createHash('sha256').update(patternOf(bytes));
    expect(hash.digest('hex')).toBe(expected.digest('hex'));
  });

  it('go on where the clock of one of them is set back by an hour while it runs', async () => {
    const hold = createHold();
    // More than two machines take at a time: after short jobs each takes a few more than it can run.
    const names = Array.from({ length: 30 }, (_, i) => `job${i}`);
    const ids = await heldJobs(hold, names);
    const late = at(2);
    const runsThere = () =>
      names.some((name) => hold.begun(name).some((pid) => late.serverPids().includes(pid)));
    await expect.poll(runsThere).toBe(true);
    setBackAnHour(late);
    const isBack = async (): Promise<boolean> => {
      await fetch(late.url);
      return late.lines.some(({ time }) => Date.now() - Date.parse(String(time)) > 3_500_000);
    };
    await expect.poll(isBack).toBe(true);
    const newest = await jobId(late.url, 'blob', { text: 'a' });
    const told = await jobOf(late.url, newest);
    // By the clock of Redis, as all machines tell it.
    expect(Math.abs(Date.now() - Date.parse(told.createdAt))).toBeLessThan(600_000);
    const list = await jsonOf(await ask(`${late.url}/jobs?limit=1`));
    expect(list.jobs).toMatchObject([{ id: newest }]);
    hold.release();
    for (const id of [...ids, newest])
      expect(await jobEnded(at(0).url, id)).toMatchObject({ state: 'completed', attempts: 1 });
    expect(repeats(hold, names)).toBe(0);
  });

  it('leave a task that only some of them have to those', async () => {
    await using other = await start(redis, { TASKS_DIR: otherTasks });
    const unknown = await jobId(other.url, 'sum', { numbers: [1, 2] });
    expect(await jobEnded(at(0).url, unknown)).toMatchObject({ state: 'completed', attempts: 1 });
    const known = await jobId(at(0).url, 'blob', { text: 'a' });
    expect(await jobEnded(other.url, known)).toMatchObject({ state: 'completed', attempts: 1 });
  });

  it('put running jobs back at a stop, at once, and it was no attempt', async () => {
    const hold = createHold();
    const id = await jobId(at(0).url, 'held', { folder: hold.folder, name: 'a' });
    const stopped = await ranBy(hold, 'a');
    machines = machines.filter((one) => one !== stopped);
    await stopped.stop();
    await expect.poll(() => hold.begun('a')).toHaveLength(2);
    hold.release();
    expect(await jobEnded(at(0).url, id)).toMatchObject({ state: 'completed', attempts: 1 });
  });

  it('lose nothing where one of them is killed: what it ran runs on another one', async () => {
    const hold = createHold();
    const names = Array.from({ length: 20 }, (_, i) => `job${i}`);
    const ids = await heldJobs(hold, names);
    const victim = at(0);
    const pids = victim.serverPids();
    const runsThere = (): string[] =>
      names.filter((name) => hold.begun(name).some((pid) => pids.includes(pid)));
    await expect.poll(() => runsThere().length).toBeGreaterThan(0);
    killMachine(victim);
    await victim.exited;
    await expect.poll(() => victim.serverPids()).toEqual([]);
    // Those that began until its very end.
    const lost = runsThere();
    machines = machines.filter((one) => one !== victim);
    const killedMs = performance.now();
    hold.release();
    for (const id of ids) expect(await jobEnded(at(0).url, id)).toMatchObject({ state: 'completed' });
    const seconds = ((performance.now() - killedMs) / 1_000).toFixed(1);
    console.log(
      `${lost.length} jobs were lost with a machine, and had ended after ${seconds} s; ran twice: ${repeats(hold, names)}`,
    );
    expect(repeats(hold, names)).toBe(lost.length);
  });
});

describe.skipIf(!hasRedis)('ten thousand that wait on Redis', () => {
  it('are in nobody’s way: calls, looks and cancels go on, one more is refused, and they run', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.close());
    const hold = createHold();
    const prefix = 'many';
    const address = parseRedisUrl(redis.url);
    if (address === undefined) throw new Error('no address');
    const limits = { mostWaiting: 10_000, keepMs: 3_600_000, attempts: 3 };
    const timings = { ...defaultTimings, patienceMs: 60_000 };
    const store = await openRedisStore({ address, limits, prefix, timings });
    onTestFinished(() => store.close());
    const input = jsonInput({ folder: hold.folder, name: 'a' });
    let left = 10_000;
    const addAll = async (): Promise<void> => {
      while (left-- > 0) await store.add(newJob({ task: 'held', client: '127.0.0.1', input }));
    };
    await Promise.all(Array.from({ length: 32 }, addAll));
    expect((await store.counts()).states.waiting).toBe(10_000);

    await using machine = await start(redis, { REDIS_PREFIX: prefix });
    const { url } = machine;
    await expect.poll(() => hold.begun('a').length).toBeGreaterThan(0);
    expect((await fetch(`${url}/`)).status).toBe(200);
    expect((await postJob(url, 'blob', { text: 'a' }, { Prefer: '' })).status).toBe(200);
    const page = await jsonOf(await ask(`${url}/jobs?state=waiting&limit=100`));
    expect(page.jobs).toHaveLength(100);
    for (const { id } of page.jobs.slice(0, 3))
      expect((await ask(`${url}/jobs/${id}`, { method: 'DELETE' })).status).toBe(204);
    // As many as run or are cancelled may come in; then it is full again.
    const answers: Response[] = [];
    for (let i = 0; i < 30 && answers.at(-1)?.status !== 503; i++)
      answers.push(await postJob(url, 'held', { folder: hold.folder, name: 'b' }));
    expect(answers.at(-1)?.status).toBe(503);
    expect(Number(answers.at(-1)?.headers.get('retry-after'))).toBeGreaterThan(0);
    hold.release();
    await expect.poll(async () => (await store.counts()).states.completed).toBeGreaterThan(50);
  });
});

describe.skipIf(!hasRedis || !hasOpenssl)('Redis over TLS', () => {
  it('keeps jobs of whoever trusts its certificate; for others it is away', async () => {
    const { redis, url, certificate, close } = await startTlsRedis();
    onTestFinished(close);
    await using machine = await start(redis, { REDIS_URL: url, NODE_EXTRA_CA_CERTS: certificate });
    const id = await jobId(machine.url, 'blob', { text: 'a' });
    expect(await jobEnded(machine.url, id)).toMatchObject({ state: 'completed' });
    await using stranger = await start(redis, { REDIS_URL: url });
    const line = await stranger.waitForLine(({ msg }) => String(msg).startsWith('Redis is away'));
    expect(line.reason).toMatch(/certificate/);
    expect((await postJob(stranger.url, 'blob', { text: 'a' })).status).toBe(503);
    expect((await postJob(stranger.url, 'blob', { text: 'a' }, { Prefer: '' })).status).toBe(200);
  });
});

describe.skipIf(!hasRedis)('where Redis is away', () => {
  /** While calls go on. */
  async function refusesJobs({ url }: Cluster, how: string): Promise<void> {
    let slowestMs = 0;
    for (let i = 0; i < 5; i++) {
      const fromMs = performance.now();
      const refused = await postJob(url, 'blob', { text: 'a' });
      slowestMs = Math.max(slowestMs, performance.now() - fromMs);
      expect(refused.status).toBe(503);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await refused.json()).toMatchObject({ code: 'OVERLOADED' });
      expect((await postJob(url, 'blob', { text: 'a' }, { Prefer: '' })).status).toBe(200);
    }
    console.log(`where Redis is ${how} the slowest of 5 refusals took ${Math.round(slowestMs)} ms`);
  }

  it('jobs are 503 at once and calls go on; once it is back all that was accepted ends', async () => {
    // With `everysec` Redis puts off what it writes for up to two seconds while the disk is busy.
    const redis = await startRedis('--appendfsync', 'always');
    onTestFinished(() => redis.close());
    await using machine = await start(redis);
    const hold = createHold();
    const runs = await jobId(machine.url, 'held', { folder: hold.folder, name: 'runs' });
    await expect.poll(() => hold.begun('runs')).toHaveLength(1);
    const quick = createHold();
    quick.release();
    const accepted: string[] = [];
    const names: string[] = [];
    let isOver = false;
    const load = Array.from({ length: 8 }, async (_, client) => {
      for (let i = 0; !isOver; i++) {
        const name = `${client}.${i}`;
        const response = await postJob(machine.url, 'held', { folder: quick.folder, name });
        const body = await response.text();
        if (response.status === 202) {
          accepted.push(JSON.parse(body).id);
          names.push(name);
        } else {
          expect(response.status).toBe(503);
          expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
        }
      }
    });
    await expect.poll(() => accepted.length).toBeGreaterThan(100);
    await redis.kill();
    isOver = true;
    await Promise.all(load);

    await refusesJobs(machine, 'killed');
    expect((await fetch(`${machine.url}/jobs/${runs}`)).status).toBe(503);
    expect((await fetch(`${machine.url}/readyz`)).status).toBe(200);

    await redis.restart();
    await expect.poll(async () => (await fetch(`${machine.url}/jobs/${runs}`)).status).toBe(200);
    hold.release();
    for (const id of [runs, ...accepted])
      expect(await jobEnded(machine.url, id)).toMatchObject({ state: 'completed' });
    const twice = repeats(quick, names) + repeats(hold, ['runs']);
    console.log(
      `${accepted.length} jobs were accepted before Redis was killed, none was lost; ran twice: ${twice}`,
    );
  });

  it('a machine that boots serves calls, and takes jobs once it is there', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.close());
    await redis.kill();
    await using machine = await start(redis);
    await machine.waitForLine(({ msg }) => String(msg).startsWith('Redis is away'));
    expect((await postJob(machine.url, 'blob', { text: 'a' })).status).toBe(503);
    expect((await postJob(machine.url, 'blob', { text: 'a' }, { Prefer: '' })).status).toBe(200);
    await redis.restart();
    await machine.waitForLine(
      ({ msg, process }) => msg === 'Redis answers' && String(process).startsWith('server'),
    );
    const id = await jobId(machine.url, 'blob', { text: 'a' });
    expect(await jobEnded(machine.url, id)).toMatchObject({ state: 'completed' });
  });

  it('one that stands still counts as away, until it goes on', async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.close());
    await using machine = await start(redis);
    redis.process.kill('SIGSTOP');
    await refusesJobs(machine, 'stopped');
    redis.process.kill('SIGCONT');
    await expect.poll(async () => (await postJob(machine.url, 'blob', { text: 'a' })).status).toBe(202);
  });

  it('a Redis that forgets is warned of', async () => {
    const redis = await startRedis('--appendonly', 'no', '--maxmemory-policy', 'allkeys-lru');
    onTestFinished(() => redis.close());
    await using machine = await start(redis);
    await machine.waitForLine(({ msg }) => String(msg).includes('appendonly no'));
    await machine.waitForLine(({ msg }) => String(msg).includes('allkeys-lru'));
  });
});
