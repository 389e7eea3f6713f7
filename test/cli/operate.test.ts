import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../bench/free-port.js';
import { type Cluster, type LogLine, launch, startCluster } from '../support/cluster.js';
import { millrace } from '../support/command.js';
import { answering, taskFolder, waitsFor } from '../support/task-folder.js';

describe('a running cluster', () => {
  let cluster: Cluster;
  let admin: string[];
  beforeAll(async () => {
    cluster = await startCluster();
    admin = ['--admin-url', String(cluster.lines.find(({ msg }) => msg === 'listening')?.adminUrl)];
    await fetch(`${cluster.url}/hash?algorithm=sha256&data=abc`);
  });
  afterAll(() => cluster.dispose());

  it('shows itself as tables', async () => {
    // A server process that does not answer in time is told as it was before.
    const shown = async () => (await millrace(['status', ...admin])).stdout;
    await expect.poll(shown).toMatch(/\nhash +[\d.]+ +[\d.]+ +- +1 /);
    const { code, stdout } = await millrace(['status', ...admin]);
    expect(code).toBe(0);
    expect(stdout).toContain(`millrace is ready: primary ${cluster.pid}, up `);
    expect(stdout).toMatch(
      /\nload \d+\.\d\d \(1: all that the threads can do\), a call would wait \d+\.\d\d s\n/,
    );
    for (const pid of cluster.serverPids())
      expect(stdout).toMatch(new RegExp(`\\n${pid} +ready +\\d+s +\\d+ +\\d+ `));
    expect(stdout).toMatch(/\nTASK +THREAD P50 MS +P99 MS +INLINE P99 MS /);
    expect(stdout).toMatch(/\ncompute +- +- +- +0 /);
  });

  it('shows itself as JSON, by its setting too', async () => {
    const { port } = new URL(admin[1] ?? '');
    const { stdout } = await millrace(['status', '--json'], { env: { ADMIN_PORT: port } });
    expect(JSON.parse(stdout)).toMatchObject({ primary: { pid: cluster.pid, state: 'ready' } });
  });

  it('reloads when it is told to, one reload at a time', async () => {
    const before = cluster.serverPids();
    const [first, second] = await Promise.all([
      millrace(['reload', ...admin]),
      millrace(['reload', ...admin]),
    ]);
    const codes = [first.code, second.code].toSorted();
    expect(codes).toEqual([0, 1]);
    expect([first.stderr, second.stderr]).toContain('millrace: not reloaded: Another reload is running.\n');
    await cluster.waitForLine(({ msg }) => /^reload (completed|finished|done)/.test(String(msg)));
    expect(cluster.serverPids().filter((pid) => before.includes(pid))).toEqual([]);
    const { stdout } = await millrace(['status', ...admin]);
    expect(stdout).toContain('last reload completed');
  });
});

describe('millrace reload --wait', () => {
  it('ends with 0 when its own reload has completed, also where another one runs first', async () => {
    await using cluster = await startCluster({ env: { WORKERS: '1' } });
    const [old] = cluster.serverPids();
    const wait = () => millrace(['reload', '--wait', '--admin-url', cluster.adminUrl]);
    const ran = await Promise.all([wait(), wait()]);
    for (const { code, stdout } of ran) {
      expect(code).toBe(0);
      expect(stdout).toMatch(/^reload completed: \S+, version \S+\n$/);
    }
    await expect.poll(() => cluster.lines.filter(({ msg }) => msg === 'reload completed')).toHaveLength(2);
    expect(cluster.serverPids()).not.toContain(old);
  });

  it('asks again when the other one has ended, not all the time until then', async () => {
    using tasks = taskFolder();
    await using cluster = await startCluster({
      env: { WORKERS: '1', TASKS_DIR: tasks.path },
    });
    const wait = () => millrace(['reload', '--wait', '--admin-url', cluster.adminUrl]);
    const gate = join(tasks.path, '_gate');
    tasks.write('slow', waitsFor(gate) + answering('slow'));
    const first = wait();
    await cluster.waitForLine(({ msg }) => msg === 'reload started');
    const second = wait();
    const isRefusal = ({ msg }: LogLine) => msg === 'reload refused: another one is running';
    await cluster.waitForLine(isRefusal);
    // Time for several more, if there were any.
    await delay(1_000);
    writeFileSync(gate, '');
    expect([(await first).code, (await second).code]).toEqual([0, 0]);
    expect(cluster.lines.filter(isRefusal)).toHaveLength(1);
  });

  it('waits for the start, and for another reload that runs before all server processes are ready', async () => {
    using tasks = taskFolder();
    const port = String(await freePort());
    const first = join(tasks.path, '_first');
    const gate = join(tasks.path, '_gate');
    // The second server process, and those of a reload, wait; and the first one until it may be the first.
    tasks.write(
      'slow',
      `import { mkdirSync } from 'node:fs';
      import { isMainThread } from 'node:worker_threads';
      ${waitsFor(first)}
      let isFirst = true;
      if (isMainThread) try { mkdirSync(${JSON.stringify(join(tasks.path, '_taken'))}); } catch { isFirst = false; }
      if (!isFirst) ${waitsFor(gate)}
      ${answering('slow')}`,
    );
    await using cluster = launch({
      env: { WORKERS: '2', TASKS_DIR: tasks.path, ADMIN_PORT: port },
    });
    const admin = ['--admin-url', `http://127.0.0.1:${port}`];
    await cluster.waitForLine(({ msg }) => msg === 'server process forked');
    const early = millrace(['reload', '--wait', ...admin]);
    await cluster.waitForLine(({ msg }) => msg === 'reload refused: the server is starting');
    writeFileSync(first, '');
    await cluster.waitForLine(({ msg }) => msg === 'server process ready');
    expect((await millrace(['reload', ...admin])).code).toBe(0);
    const { code, stderr } = await millrace(['reload', ...admin]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'millrace: not reloaded: Another reload is running.\n',
    });
    const late = millrace(['reload', '--wait', ...admin]);
    await expect
      .poll(() => cluster.lines.filter(({ msg }) => msg === 'reload refused: another one is running').length)
      .toBe(2);
    writeFileSync(gate, '');
    expect([(await early).code, (await late).code]).toEqual([0, 0]);
  });

  it('ends with 1 and the reason when its reload was aborted', async () => {
    using tasks = taskFolder();
    await using cluster = await startCluster({ env: { WORKERS: '1', TASKS_DIR: tasks.path } });
    tasks.write('broken', 'throw new Error("broken");');
    const { code, stdout, stderr } = await millrace(['reload', '--wait', '--admin-url', cluster.adminUrl]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^millrace: reload aborted: .*broken\.js.*\n$/);
  });

  it('ends with 1 when the server stops meanwhile', async () => {
    using tasks = taskFolder();
    await using cluster = await startCluster({ env: { WORKERS: '1', TASKS_DIR: tasks.path } });
    // The new process never becomes ready.
    tasks.write('waits', 'for (;;);');
    const waiting = millrace(['reload', '--wait', '--admin-url', cluster.adminUrl]);
    await cluster.waitForLine(({ msg }) => msg === 'reload started');
    expect(await cluster.stop()).toBe(0);
    expect(await waiting).toMatchObject({ code: 1, stdout: '' });
  });
});

it('millrace reload says in one line that the cluster is about to leave', async () => {
  await using cluster = await startCluster({ env: { WORKERS: '1', SHUTDOWN_DELAY_MS: '20000' } });
  const url = String(cluster.lines.find(({ msg }) => msg === 'listening')?.adminUrl);
  cluster.signal('SIGTERM');
  await cluster.waitForLine(({ msg }) => msg === 'stopping');
  const { code, stderr } = await millrace(['reload', '--admin-url', url]);
  expect({ code, stderr }).toEqual({ code: 1, stderr: 'millrace: not reloaded: The server is stopping.\n' });
});

describe('without a cluster', () => {
  it.each(['status', 'reload'])('millrace %s says in one line that nobody answers', async (command) => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const { code, stderr } = await millrace([command], { env: { ADMIN_PORT: String(port) } });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^millrace: nobody answers at http:\/\/127\.0\.0\.1:\d+ \(ECONNREFUSED\)[^\n]+\(--admin-url\)\?\n$/,
    );
  });

  it('millrace status knows another server when it meets one', async () => {
    const server = createServer((_req, res) => res.end('hello')).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const { code, stderr } = await millrace(['status', '--admin-url', `http://127.0.0.1:${port}`]);
    server.close();
    expect(code).toBe(1);
    expect(stderr).toContain('no admin server of millrace');
  });

  it('millrace status reads what an older primary tells, which a reload leaves in place', async () => {
    const older = {
      primary: { pid: 1, state: 'ready', uptimeMs: 1_000, restarts: 0, lastReload: null },
      servers: [
        {
          pid: 4711,
          state: 'ready',
          uptimeMs: 1_000,
          eventLoopDelayMs: { p50: 0, p99: 0 },
          threads: { busy: 0, idle: 1, max: 2 },
          queue: { waiting: 0, limit: 1_024 },
        },
      ],
      totals: {
        hash: { completed: 1, failed: 0, refused: 0, expired: 0, cancelled: 0, inline: 0, thread: 1 },
      },
    };
    const server = createServer((_req, res) => {
      res.setHeader('Content-Type', 'application/json').end(JSON.stringify(older));
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const { code, stdout } = await millrace(['status', '--admin-url', `http://127.0.0.1:${port}`]);
    server.close();
    expect(code).toBe(0);
    expect(stdout).toMatch(/\n4711 +ready +1s +- +- /);
    expect(stdout).toMatch(/\nhash +- +- +- +1 /);
  });
});
