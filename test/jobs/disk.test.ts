import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openDiskShelf } from '#src/jobs/disk-shelf.js';
import { createEmbeddedStore } from '#src/jobs/embedded-store.js';
import { type Env, launch, startCluster, unhurried } from '../support/cluster.js';
import { createHold, jobEnded, jobId, jobTasks, jsonOf, postJob } from '../support/jobs.js';
import { jobStoreContract, jsonInput, newJob } from './contract.js';
import { joinedTo } from './joined.js';

const limits = { mostWaiting: 100, keepMs: 60_000, attempts: 3, mostBytes: 1 << 30 };

function folderOf(): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-jobs-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

jobStoreContract('on disk', async (limits) => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-jobs-'));
  const embedded = createEmbeddedStore({
    limits: { ...limits, mostBytes: 1 << 30 },
    shelf: await openDiskShelf(folder),
  });
  return {
    ...joinedTo(embedded),
    async close() {
      await embedded.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
});

it('a job that is cancelled while it is written down stays cancelled after a restart', async () => {
  const folder = folderOf();
  const asked = newJob({ input: { ...jsonInput(null), body: new Uint8Array(100_000) } });
  const embedded = createEmbeddedStore({ limits, shelf: await openDiskShelf(folder) });
  const store = embedded.join();
  const adding = store.add(asked);
  await store.cancel(asked.id);
  expect((await adding).job).toMatchObject({ state: 'cancelled' });
  await embedded.close();
  const next = createEmbeddedStore({ limits, shelf: await openDiskShelf(folder) });
  onTestFinished(() => next.close());
  expect(await next.join().get(asked.id)).toMatchObject({ state: 'cancelled' });
  expect(readdirSync(join(folder, 'bodies'))).toEqual([]);
});

const env = (folder: string, more: Env = {}): Env => ({
  TASKS_DIR: jobTasks,
  JOBS_DIR: folder,
  WORKERS: '1',
  // Jobs are held here for as long as a busy machine needs.
  TASK_TIMEOUT_MS: '600000',
  ...more,
});

it('everything that was accepted ends after the primary was killed', async () => {
  const folder = folderOf();
  const hold = createHold();
  const keyed = { 'Idempotency-Key': 'k' };
  const ids: string[] = [];
  let ended = '';
  {
    await using cluster = await startCluster({ env: env(folder) });
    ended = await jobId(cluster.url, 'blob', { bytes: 1_000_000 });
    await jobEnded(cluster.url, ended);
    for (let i = 0; i < 20; i++)
      ids.push(
        await jobId(cluster.url, 'held', { folder: hold.folder, name: `a${i}` }, i === 0 ? keyed : {}),
      );
    ids.push(await jobId(cluster.url, 'blob', new Uint8Array(300_000)));
    await expect.poll(() => hold.begun('a0')).toHaveLength(1);
    cluster.signal('SIGKILL');
    await cluster.exited;
    await expect.poll(() => cluster.serverPids()).toEqual([]);
  }
  await using next = await startCluster({ env: env(folder) });
  expect(await jobId(next.url, 'held', { folder: hold.folder, name: 'a0' }, keyed)).toBe(ids[0]);
  hold.release();
  for (const id of ids)
    expect(await jobEnded(next.url, id)).toMatchObject({ state: 'completed', attempts: 1 });
  // What had ended before is there, too.
  const kept = await fetch(`${next.url}/jobs/${ended}/result`);
  expect((await kept.arrayBuffer()).byteLength).toBe(1_000_000);
});

it('a stop leaves what waits and runs to the next primary', async () => {
  const folder = folderOf();
  const hold = createHold();
  let id = '';
  {
    await using cluster = await startCluster({
      env: env(folder, { SHUTDOWN_TIMEOUT_MS: '300' }),
      timings: unhurried,
    });
    id = await jobId(cluster.url, 'held', { folder: hold.folder, name: 'a' });
    await expect.poll(() => hold.begun('a')).toHaveLength(1);
    expect(await cluster.stop()).toBe(0);
    expect(cluster.lines.find(({ msg }) => String(msg).includes('wait on disk'))).toMatchObject({
      waiting: 1,
    });
  }
  hold.release();
  await using next = await startCluster({ env: env(folder) });
  expect(await jobEnded(next.url, id)).toMatchObject({ state: 'completed', attempts: 1 });
  expect(hold.begun('a')).toHaveLength(2);
});

it('a second primary on the same folder ends with a line that says so, and the first goes on', async () => {
  const folder = folderOf();
  await using cluster = await startCluster({ env: env(folder) });
  await using second = launch({ env: env(folder) });
  expect(await second.exited).toBe(78);
  expect(second.stderr()).toContain(
    `JOBS_DIR must be a folder that jobs can be kept in, but ${folder} is not`,
  );
  expect(second.stderr()).toContain('another millrace has it');
  const id = await jobId(cluster.url, 'blob', { text: 'a' });
  expect(await jobEnded(cluster.url, id)).toMatchObject({ state: 'completed' });
});

it('a damaged file, one that is cut, and a folder that cannot be made end the boot with a line', async () => {
  const lineOf = async (folder: string): Promise<string> => {
    await using launched = launch({ env: env(folder) });
    expect(await launched.exited).toBe(78);
    expect(launched.stderr().trim().split('\n')).toHaveLength(1);
    return launched.stderr();
  };
  const damaged = folderOf();
  writeFileSync(join(damaged, 'jobs.mdb'), 'x'.repeat(100_000));
  expect(await lineOf(damaged)).toContain('jobs.mdb is damaged');

  const cut = folderOf();
  const embedded = createEmbeddedStore({ limits, shelf: await openDiskShelf(cut) });
  const store = embedded.join();
  for (let i = 0; i < 30; i++) await store.add(newJob({ input: jsonInput(`${i}`.repeat(4_000)) }));
  await embedded.close();
  const file = join(cut, 'jobs.mdb');
  truncateSync(file, Math.floor(statSync(file).size / 2));
  expect(await lineOf(cut)).toContain('its end is missing');

  const file2 = join(folderOf(), 'file');
  writeFileSync(file2, '');
  expect(await lineOf(join(file2, 'jobs'))).toContain('JOBS_DIR must be a folder');
});

it('on a full disk jobs are refused with 503 while calls go on, and taken again once there is room', async (context) => {
  const folder = folderOf();
  const isMounted = mountSmall(folder);
  if (!isMounted) context.skip('no tmpfs can be mounted here (it takes root)');
  onTestFinished(() => void execFileSync('umount', ['-l', folder]));
  await using cluster = await startCluster({ env: env(folder) });
  const accepted: string[] = [];
  const upload = new Uint8Array(400_000);
  let refused: Response | undefined;
  const hold = createHold();
  // They stay: nothing takes them while the threads are held.
  for (let i = 0; i < 4; i++) await jobId(cluster.url, 'held', { folder: hold.folder, name: `a${i}` });
  for (let i = 0; i < 30 && refused === undefined; i++) {
    const response = await postJob(cluster.url, 'blob', upload);
    if (response.status === 202) accepted.push((await jsonOf(response)).id);
    else refused = response;
  }
  expect(refused?.status).toBe(503);
  expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  expect(await refused?.json()).toMatchObject({ code: 'OVERLOADED' });
  expect((await postJob(cluster.url, 'blob', { text: 'a' }, { Prefer: '' })).status).toBe(200);
  await cluster.waitForLine(({ msg }) => String(msg).startsWith('jobs cannot be kept'));
  hold.release();
  for (const id of accepted) expect(await jobEnded(cluster.url, id)).toMatchObject({ state: 'completed' });
  // Their inputs are gone: there is room again.
  await expect.poll(async () => (await postJob(cluster.url, 'blob', { text: 'b' })).status).toBe(202);
});

function mountSmall(folder: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

it('what is not kept any more leaves the disk', async () => {
  const folder = folderOf();
  await using cluster = await startCluster({ env: env(folder, { JOB_TTL_S: '6' }) });
  const id = await jobId(cluster.url, 'blob', { bytes: 1_000_000 });
  await jobEnded(cluster.url, id);
  expect(readdirSync(join(folder, 'bodies'))).toEqual([`${id}.result`]);
  await expect.poll(() => readdirSync(join(folder, 'bodies'))).toEqual([]);
});
