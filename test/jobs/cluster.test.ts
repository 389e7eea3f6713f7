import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Cluster, type Env, startCluster } from '../support/cluster.js';
import { millrace } from '../support/command.js';
import { createHold, jobEnded, jobId, jobOf, jobTasks, jsonOf, postJob } from '../support/jobs.js';

const start = (env: Env = {}): Promise<Cluster> => startCluster({ env: { TASKS_DIR: jobTasks, ...env } });

it('a job whose server process is killed runs again in another one, at once', async () => {
  const hold = createHold();
  await using cluster = await start();
  const id = await jobId(cluster.url, 'held', { folder: hold.folder, name: 'a' });
  await expect.poll(() => hold.begun('a')).toHaveLength(1);
  process.kill(hold.begun('a')[0] ?? 0, 'SIGKILL');
  await expect.poll(() => hold.begun('a')).toHaveLength(2);
  const [first, second] = hold.begun('a');
  expect(second).not.toBe(first);
  hold.release();
  expect(await jobEnded(cluster.url, id)).toMatchObject({ state: 'completed', attempts: 2 });
});

it('everything that was accepted ends while every server process is killed in turn', async () => {
  await using cluster = await start();
  const victims = cluster.serverPids();
  expect(victims).toHaveLength(2);
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

it('a job that kills its process ends, and costs others nothing', async () => {
  const hold = createHold();
  await using cluster = await start({ JOB_ATTEMPTS: '2' });
  const others = await Promise.all(
    Array.from({ length: 10 }, (_, i) => jobId(cluster.url, 'blob', { bytes: 3_000_000 + i })),
  );
  const poison = await jobId(cluster.url, 'poison', { what: 'process', file: join(hold.folder, 'runs') });
  expect(await jobEnded(cluster.url, poison)).toMatchObject({
    state: 'failed',
    attempts: 2,
    error: { code: 'THREAD_LOST', status: 500 },
  });
  expect(hold.begun('runs')).toHaveLength(2);
  for (const id of others) expect(await jobEnded(cluster.url, id)).toMatchObject({ state: 'completed' });
});

it('a running job is cancelled by way of any process, and fifty clients with one key get one job', async () => {
  const hold = createHold();
  await using cluster = await start();
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

it('bodies of a MiB and results of 100 MiB go between the processes, whole', async () => {
  await using cluster = await start();
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
  const response = await fetch(`${cluster.url}/jobs/${large}/result`);
  const hash = createHash('sha256');
  for await (const piece of response.body ?? []) hash.update(piece);
  const expected = createHash('sha256').update(new Uint8Array(104_857_600).map((_, i) => i % 251));
  expect(hash.digest('hex')).toBe(expected.digest('hex'));
});

it('a reload gives running jobs their time, then puts them back: they run again in a new process', async () => {
  const hold = createHold();
  await using cluster = await start({ SHUTDOWN_TIMEOUT_MS: '1000' });
  const id = await jobId(cluster.url, 'held', { folder: hold.folder, name: 'a' });
  await expect.poll(() => hold.begun('a')).toHaveLength(1);
  const before = cluster.serverPids();
  cluster.signal('SIGHUP');
  await cluster.waitForLine(({ msg }) => msg === 'reload completed');
  // It may have been given to the other old one first.
  await expect.poll(() => before.includes(hold.begun('a').at(-1) ?? 0)).toBe(false);
  hold.release();
  // It was put back, not lost.
  expect(await jobEnded(cluster.url, id)).toMatchObject({ state: 'completed', attempts: 1 });
});

it('a reload with short jobs loses none and repeats none', async () => {
  await using cluster = await start();
  const asked: Promise<string>[] = [];
  for (let i = 0; i < 100; i++) asked.push(jobId(cluster.url, 'blob', { text: `${i}` }));
  cluster.signal('SIGHUP');
  const ids = await Promise.all(asked);
  for (let i = 0; i < 100; i++) ids.push(await jobId(cluster.url, 'blob', { text: `${i}` }));
  await cluster.waitForLine(({ msg }) => msg === 'reload completed');
  for (const id of ids)
    expect(await jobEnded(cluster.url, id)).toMatchObject({ state: 'completed', attempts: 1 });
});

it('a stop gives running jobs their time, and says what is lost with the memory', async () => {
  const hold = createHold();
  await using cluster = await start();
  const id = await jobId(cluster.url, 'held', { folder: hold.folder, name: 'a' });
  await expect.poll(() => hold.begun('a')).toHaveLength(1);
  const waiting = await Promise.all(
    Array.from({ length: 20 }, (_, i) => jobId(cluster.url, 'held', { folder: hold.folder, name: `b${i}` })),
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
  const input = { folder: hold.folder, name: 'a' };
  let left = 10_000;
  const ask = async (): Promise<void> => {
    while (left-- > 0) {
      const response = await postJob(cluster.url, 'held', input);
      await response.arrayBuffer();
      expect(response.status).toBe(202);
    }
  };
  await Promise.all(Array.from({ length: 16 }, ask));
  expect((await fetch(`${cluster.url}/`)).status).toBe(200);
  expect((await postJob(cluster.url, 'blob', { text: 'a' }, { Prefer: '' })).status).toBe(200);
  const page = await jsonOf(await fetch(`${cluster.url}/jobs?state=waiting&limit=100`));
  expect(page.jobs).toHaveLength(100);
  hold.release();
  const first = await jsonOf(await fetch(`${cluster.url}/jobs?limit=1`));
  expect(await jobEnded(cluster.url, first.jobs[0]?.id ?? '')).toMatchObject({ state: 'completed' });
});

it('operators see everybody’s jobs, cancel them, and have failed ones tried again', async () => {
  const hold = createHold();
  await using cluster = await start();
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
