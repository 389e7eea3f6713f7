import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Connection, requestBytes } from '../../bench/load/connection.js';
import { setBackAnHour, settableClock } from '../support/clock.js';
import { type Cluster, type Env, startCluster, unhurried } from '../support/cluster.js';
import { millrace } from '../support/command.js';
import { createHold, jobEnded, jobId, jobOf, jobTasks, jsonOf, patternOf, postJob } from '../support/jobs.js';

/** Jobs are held here for as long as a busy machine needs. */
const usual: Env = { TASKS_DIR: jobTasks, TASK_TIMEOUT_MS: '600000' };

const start = (env: Env = {}): Promise<Cluster> => startCluster({ env: { ...usual, ...env } });

describe('a cluster', () => {
  let cluster: Cluster;

  beforeAll(async () => {
    // Many of its processes are killed here: each is replaced soon.
    const timings = { respawnFirstMs: 50, respawnMaxMs: 200 };
    cluster = await startCluster({ env: { ...usual, ...settableClock }, timings });
  });
  afterAll(() => cluster?.dispose());

  it('runs a job again in another server process where its own is killed, at once', async () => {
    const hold = createHold();
    const id = await jobId(cluster.url, 'held', { folder: hold.folder, name: 'a' });
    await expect.poll(() => hold.begun('a')).toHaveLength(1);
    const killedAtMs = Date.now();
    process.kill(hold.begun('a')[0] ?? 0, 'SIGKILL');
    await expect.poll(() => hold.begun('a')).toHaveLength(2);
    const [first, second] = hold.begun('a');
    expect(second).not.toBe(first);
    console.log(
      `a job began again ${(hold.begunAtMs('a')[1] ?? 0) - killedAtMs} ms after its process was killed`,
    );
    hold.release();
    expect(await jobEnded(cluster.url, id)).toMatchObject({ state: 'completed', attempts: 2 });
  });

  it('loses nothing that it has accepted while every server process is killed in turn', async () => {
    await expect.poll(() => cluster.serverPids()).toHaveLength(2);
    const victims = cluster.serverPids();
    const ids: string[] = [];
    const text = 'x'.repeat(10_000);
    for (const victim of [...victims, undefined]) {
      const asked = Array.from({ length: 60 }, (_, i) => jobId(cluster.url, 'blob', { text: `${i}${text}` }));
      if (victim !== undefined) process.kill(victim, 'SIGKILL');
      // An answer may be lost with its process; then nothing was acknowledged.
      for (const one of await Promise.allSettled(asked)) if (one.status === 'fulfilled') ids.push(one.value);
    }
    expect(ids.length).toBeGreaterThan(60);
    for (const id of ids) expect(await jobEnded(cluster.url, id)).toMatchObject({ state: 'completed' });
  });

  it('ends a job that kills its process, which costs others nothing', async () => {
    const hold = createHold();
    const others = await Promise.all(
      Array.from({ length: 10 }, (_, i) => jobId(cluster.url, 'blob', { bytes: 3_000_000 + i })),
    );
    const poison = await jobId(cluster.url, 'poison', { what: 'process', file: join(hold.folder, 'runs') });
    expect(await jobEnded(cluster.url, poison)).toMatchObject({
      state: 'failed',
      attempts: 3,
      error: { code: 'THREAD_LOST', status: 500 },
    });
    expect(hold.begun('runs')).toHaveLength(3);
    for (const id of others) expect(await jobEnded(cluster.url, id)).toMatchObject({ state: 'completed' });
  });

  it('cancels a running job by way of any process, and gives fifty clients with one key one job', async () => {
    const hold = createHold();
    const input = { folder: hold.folder, name: 'a' };
    const key = { 'Idempotency-Key': 'k' };
    const ids = await Promise.all(Array.from({ length: 50 }, () => jobId(cluster.url, 'held', input, key)));
    expect(new Set(ids).size).toBe(1);
    const [id = ''] = ids;
    await expect.poll(() => hold.begun('a')).toHaveLength(1);
    // New connections: they go to both processes.
    for (let i = 0; i < 4; i++) {
      const response = await fetch(`${cluster.url}/jobs/${id}`, {
        method: 'DELETE',
        headers: { Connection: 'close' },
      });
      expect(response.status).toBe(204);
    }
    await expect.poll(() => hold.wasStopped('a')).toBe(true);
    expect(await jobOf(cluster.url, id)).toMatchObject({ state: 'cancelled', attempts: 1 });
    expect(hold.begun('a')).toHaveLength(1);
  });

  it('brings bodies of a MiB and results of 100 MiB from process to process, whole', async () => {
    const upload = new Uint8Array(1_048_576).map((_, i) => i % 241);
    const uploads = await Promise.all(Array.from({ length: 20 }, () => jobId(cluster.url, 'blob', upload)));
    const large = await jobId(cluster.url, 'blob', { bytes: 104_857_600 });
    const digest = createHash('sha256').update(upload).digest('hex');
    for (const id of uploads) {
      await jobEnded(cluster.url, id);
      const result = await fetch(`${cluster.url}/jobs/${id}/result`);
      expect(await jsonOf(result)).toEqual({ length: upload.length, digest });
    }
    expect(await jobEnded(cluster.url, large)).toMatchObject({ state: 'completed' });
    const head = await fetch(`${cluster.url}/jobs/${large}/result`, { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(head.headers.get('content-length')).toBe('104857600');
    const response = await fetch(`${cluster.url}/jobs/${large}/result`);
    const hash = createHash('sha256');
    for await (const piece of response.body ?? []) hash.update(piece);
    const expected = createHash('sha256').update(patternOf(104_857_600));
    expect(hash.digest('hex')).toBe(expected.digest('hex'));
  });

  it('loses none of many short jobs in a reload, and repeats none', async () => {
    const asked: Promise<string>[] = [];
    for (let i = 0; i < 100; i++) asked.push(jobId(cluster.url, 'blob', { text: `${i}` }));
    cluster.signal('SIGHUP');
    const ids = await Promise.all(asked);
    // Each on a connection of its own: a kept one may be closed by a process that leaves, just then.
    for (let i = 0; i < 100; i++)
      ids.push(await jobId(cluster.url, 'blob', { text: `${i}` }, { Connection: 'close' }));
    await cluster.waitForLine(({ msg }) => msg === 'reload completed');
    for (const id of ids)
      expect(await jobEnded(cluster.url, id)).toMatchObject({ state: 'completed', attempts: 1 });
  });

  it('runs and lists jobs as ever where the clock is set back by an hour', async () => {
    const hold = createHold();
    const { url, adminUrl } = cluster;
    const runs = await jobId(url, 'held', { folder: hold.folder, name: 'a' });
    await expect.poll(() => hold.begun('a')).toHaveLength(1);
    const waits = await Promise.all(
      Array.from({ length: 8 }, (_, i) => jobId(url, 'held', { folder: hold.folder, name: `b${i}` })),
    );
    setBackAnHour(cluster);
    const createdAgoMs = async (): Promise<number> => {
      const { createdAt } = await jobOf(url, await jobId(url, 'blob', { text: 'b' }));
      return Date.now() - Date.parse(createdAt);
    };
    await expect.poll(createdAgoMs).toBeGreaterThan(3_500_000);
    const newest = await jobId(url, 'blob', { text: 'c' });
    expect((await jsonOf(await fetch(`${url}/jobs?limit=1`))).jobs).toMatchObject([{ id: newest }]);
    hold.release();
    for (const id of [runs, ...waits, newest])
      expect(await jobEnded(url, id)).toMatchObject({ state: 'completed', attempts: 1 });
    const waitedSeconds = async (): Promise<number> => {
      const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
      return Number(/^millrace_job_wait_seconds_sum\{task="held"\} (.+)$/m.exec(metrics)?.[1]);
    };
    await expect.poll(waitedSeconds).toBeGreaterThanOrEqual(0);
  });
});

it('a reload gives running jobs their time, then puts them back: they run again in a new process', async () => {
  const hold = createHold();
  await using cluster = await start({ WORKERS: '1', SHUTDOWN_TIMEOUT_MS: '1000' });
  const id = await jobId(cluster.url, 'held', { folder: hold.folder, name: 'a' });
  await expect.poll(() => hold.begun('a')).toHaveLength(1);
  const before = cluster.serverPids();
  cluster.signal('SIGHUP');
  await cluster.waitForLine(({ msg }) => msg === 'reload completed');
  await expect.poll(() => before.includes(hold.begun('a').at(-1) ?? 0)).toBe(false);
  hold.release();
  // It was put back, not lost.
  expect(await jobEnded(cluster.url, id)).toMatchObject({ state: 'completed', attempts: 1 });
});

it('a stop gives running jobs their time, and says what is lost with the memory', async () => {
  const hold = createHold();
  /** One that begins before its process is told to stop does not end in its time, and is put back. */
  const endless = createHold();
  await using cluster = await startCluster({
    env: { ...usual, WORKERS: '1', SHUTDOWN_TIMEOUT_MS: '5000' },
    timings: unhurried,
  });
  const id = await jobId(cluster.url, 'held', { folder: hold.folder, name: 'a' });
  await expect.poll(() => hold.begun('a')).toHaveLength(1);
  const waiting = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      jobId(cluster.url, 'held', { folder: endless.folder, name: `b${i}` }),
    ),
  );
  expect(waiting).not.toContain(id);
  const exited = cluster.stop();
  await cluster.waitForLine(({ msg }) => msg === 'draining');
  hold.release();
  expect(await exited).toBe(0);
  const line = cluster.lines.find(({ msg }) => String(msg).startsWith('jobs are lost'));
  expect(line).toMatchObject({ running: 0, waiting: expect.any(Number) });
});

it('ten thousand wait, and light routes, calls and looks at jobs go on beside them', async () => {
  const hold = createHold();
  await using cluster = await start();
  const { url } = cluster;
  const bytes = requestBytes({
    method: 'POST',
    path: '/held',
    headers: { Prefer: 'respond-async' },
    body: JSON.stringify({ folder: hold.folder, name: 'a' }),
  });
  const first = await jobId(url, 'held', { folder: hold.folder, name: 'first' });
  const ask = async (): Promise<void> => {
    const connection = new Connection({ host: '127.0.0.1', port: cluster.port });
    for (let i = 0; i < 625; i++) expect((await connection.request(bytes)).status).toBe(202);
    connection.close();
  };
  await Promise.all(Array.from({ length: 16 }, ask));
  expect((await fetch(`${url}/`)).status).toBe(200);
  expect((await postJob(url, 'blob', { text: 'a' }, { Prefer: '' })).status).toBe(200);
  const page = await jsonOf(await fetch(`${url}/jobs?state=waiting&limit=100`));
  expect(page.jobs).toHaveLength(100);
  const [newest] = page.jobs;
  expect((await fetch(`${url}/jobs/${newest?.id}`, { method: 'DELETE' })).status).toBe(204);
  hold.release();
  expect(await jobEnded(url, first)).toMatchObject({ state: 'completed' });
  await expect.poll(() => hold.begun('a').length).toBeGreaterThan(100);
});

it('operators see everybody’s jobs, cancel them, and have failed ones tried again', async () => {
  const hold = createHold();
  await using cluster = await start({ WORKERS: '1' });
  const { adminUrl, url } = cluster;
  const failed = await jobId(url, 'poison', { what: 'task', file: join(hold.folder, 'runs') });
  const held = await jobId(url, 'held', { folder: hold.folder, name: 'a' });
  await jobEnded(url, failed);
  await expect.poll(() => hold.begun('a')).toHaveLength(1);

  const status: unknown = await (await fetch(`${adminUrl}/status`)).json();
  expect(status).toMatchObject({ jobs: { waiting: 0, running: 1, failed: 1, oldestMs: 0 } });
  const metrics = async () => (await fetch(`${adminUrl}/metrics`)).text();
  expect(await metrics()).toMatch(/^millrace_jobs\{state="running"\} 1$/m);
  await expect.poll(metrics).toMatch(/^millrace_job_runs_total\{task="poison",outcome="failed"\} 1$/m);
  expect(await metrics()).toMatch(/^millrace_job_run_seconds_count\{task="poison"\} 1$/m);

  const admin = ['--admin-url', adminUrl];
  const listed = await millrace(['jobs', ...admin]);
  expect(listed.stdout).toMatch(
    new RegExp(`^JOB +TASK +CLIENT +STATE [^]*\\n${failed} +poison .* failed .* TASK_FAILED: `),
  );
  expect((await millrace(['jobs', '--state', 'waiting', ...admin])).stdout).toBe('no job is waiting\n');
  expect(JSON.parse((await millrace(['jobs', 'show', held, ...admin])).stdout)).toMatchObject({
    state: 'running',
  });
  const refused = await millrace(['jobs', 'retry', held, ...admin]);
  expect((await millrace(['jobs', '--state', 'lost', ...admin])).stderr).toContain(
    'state: must be one of waiting,',
  );
  expect(refused).toMatchObject({ code: 1, stderr: 'millrace: Only a failed job can be tried again.\n' });
  const list = await jsonOf(await fetch(`${adminUrl}/jobs?state=failed`));
  expect(list.jobs).toMatchObject([{ id: failed, client: '127.0.0.1', error: { code: 'TASK_FAILED' } }]);
  expect((await fetch(`${adminUrl}/jobs/${held}/retry`, { method: 'POST' })).status).toBe(409);
  const again = await fetch(`${adminUrl}/jobs/${failed}/retry`, { method: 'POST' });
  expect(again.status).toBe(200);
  await expect.poll(() => hold.begun('runs')).toHaveLength(2);
  expect((await fetch(`${adminUrl}/jobs/${held}`, { method: 'DELETE' })).status).toBe(204);
  expect(await jsonOf(await fetch(`${adminUrl}/jobs/${held}`))).toMatchObject({ state: 'cancelled' });
  expect((await fetch(`${adminUrl}/jobs/jnone`)).status).toBe(404);
  const foreign = { method: 'POST', headers: { Origin: 'https://evil.example' } };
  expect((await fetch(`${adminUrl}/jobs/${failed}/retry`, foreign)).status).toBe(403);
});
