import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Cluster, type LogLine, launch, startCluster, unhurried } from '../support/cluster.js';
import { copyOfBuild } from '../support/copy-of-build.js';
import { ConnectionEnded, type RawAnswer, RawClient } from '../support/raw-client.js';
import { answering, taskFolder } from '../support/task-folder.js';
import { startTraffic } from '../support/traffic.js';
import { underway } from '../support/underway.js';

const faults = fileURLToPath(new URL('../fixtures/faults', import.meta.url));

const asks = [
  { method: 'GET', path: '/' },
  { method: 'POST', path: '/hash', body: '{"algorithm":"sha256","data":"abc"}' },
  { method: 'GET', path: '/' },
  { method: 'POST', path: '/compute', body: '{"operation":"primes","limit":20000}' },
  { method: 'GET', path: '/' },
] as const;

/** Reloads by SIGHUP; resolves with the line of its end. */
/** Threads of the first server process. */
async function threadsOf({ adminUrl }: Cluster): Promise<number> {
  const { servers } = JSON.parse(await (await fetch(`${adminUrl}/status`)).text());
  return servers[0].threads.busy + servers[0].threads.idle;
}

async function reload(cluster: Cluster): Promise<LogLine> {
  const before = ends(cluster).length;
  cluster.signal('SIGHUP');
  await cluster.waitForLine(() => ends(cluster).length > before);
  return ends(cluster).at(-1) ?? {};
}

function ends({ lines }: Cluster): LogLine[] {
  return lines.filter(({ msg }) => msg === 'reload completed' || msg === 'reload aborted');
}

/** How many reloads had begun when that was logged. */
function startsBefore({ lines }: Cluster, line: LogLine): number {
  return lines.slice(0, lines.indexOf(line)).filter(({ msg }) => msg === 'reload started').length;
}

/** As /status and /metrics count them. */
async function lossesOf({ adminUrl }: Cluster): Promise<{ restarts: number; died: number }> {
  const { primary } = z
    .object({ primary: z.object({ restarts: z.number() }) })
    .parse(await (await fetch(`${adminUrl}/status`)).json());
  const metrics = await (await fetch(`${adminUrl}/metrics`)).text();
  const died = /^millrace_server_restarts_total\{reason="died"\} (\d+)$/m.exec(metrics)?.[1];
  return { restarts: primary.restarts, died: Number(died) };
}

describe('a reload', () => {
  it.each([
    ['2', 10_000],
    ['1', 3_000],
  ])('three times under 18 clients with %s server processes loses nothing', async (workers, least) => {
    await using cluster = await startCluster({ env: { WORKERS: workers } });
    const old = cluster.serverPids();
    const traffic = startTraffic(cluster.port, 18, asks);
    for (let i = 0; i < 3; i++) expect((await reload(cluster)).msg).toBe('reload completed');
    while (traffic.answered() < least) await sleep(50);
    const report = await traffic.stop();
    expect(report.losses).toEqual({});
    expect(report.requests).toBeGreaterThanOrEqual(least);
    expect(cluster.serverPids()).toHaveLength(old.length);
    expect(cluster.serverPids().filter((pid) => old.includes(pid))).toEqual([]);
    // Ready all the time.
    expect(cluster.lines.filter(({ msg }) => msg === 'readiness changed')).toHaveLength(1);
    expect(await cluster.stop()).toBe(0);
  });

  it('reads task files anew and keeps the address', async () => {
    using tasks = taskFolder();
    tasks.write('mine', answering('old'));
    await using cluster = await startCluster({ env: { WORKERS: '1', TASKS_DIR: tasks.path } });
    const ask = async () => (await fetch(`${cluster.url}/mine`)).json();
    expect(await ask()).toEqual({ answer: 'old' });
    tasks.write('mine', answering('new'));
    expect(await ask()).toEqual({ answer: 'old' });
    expect((await reload(cluster)).msg).toBe('reload completed');
    expect(await ask()).toEqual({ answer: 'new' });
  });

  it('is the only way to new code: threads that start later have the old, after one that was aborted too', async () => {
    using tasks = taskFolder();
    tasks.write('_helper', "export const word = 'old';");
    const importing = (answer: string) =>
      `import { word } from './_helper.js';\n${answering(answer).replace('run: () => (', 'run: () => busy() && (')}
function busy() {
  for (const end = performance.now() + 20; performance.now() < end; );
  return word;
}`;
    tasks.write('mine', importing('old'));
    await using cluster = await startCluster({
      env: { WORKERS: '1', POOL_MAX_THREADS: '4', POOL_IDLE_TIMEOUT_MS: '20', TASKS_DIR: tasks.path },
    });
    /** Eight at a time, from one thread each time. */
    const answers = async () => {
      const given = new Set<string>();
      for (let round = 0; round < 3; round++) {
        const asks = Array.from({ length: 8 }, async () => (await fetch(`${cluster.url}/mine`)).text());
        for (const text of await Promise.all(asks)) given.add(text);
        await expect.poll(() => threadsOf(cluster)).toBe(1);
      }
      return [...given];
    };
    expect(await answers()).toEqual(['{"answer":"old"}']);
    tasks.write('mine', importing('new'));
    expect(await answers()).toEqual(['{"answer":"old"}']);
    tasks.write('_helper', 'export const wort = 1;');
    expect(await reload(cluster)).toMatchObject({ msg: 'reload aborted' });
    expect(await answers()).toEqual(['{"answer":"old"}']);
    tasks.write('_helper', "export const word = 'new';");
    expect((await reload(cluster)).msg).toBe('reload completed');
    expect(await answers()).toEqual(['{"answer":"new"}']);
  });

  it.each([
    ['is refused', 'throw new Error("broken");', 'broken.js'],
    [
      'ends its process',
      'process.exit(1);',
      'its process ended with code 1 while the file was being imported',
    ],
    ['never loads', 'for (;;);', 'BOOT_TIMEOUT_MS'],
    [
      'is written meanwhile',
      "import { appendFileSync as append } from 'node:fs'; append(new URL(import.meta.url), ' ');\n" +
        answering('any'),
      'broken.js: has changed while it was being loaded',
    ],
  ])('is aborted by a task file that %s, and the old processes serve on', async (_, source, reason) => {
    using tasks = taskFolder();
    await using cluster = await startCluster({
      env: { TASKS_DIR: tasks.path, BOOT_TIMEOUT_MS: reason === 'BOOT_TIMEOUT_MS' ? '20000' : '60000' },
    });
    const old = cluster.serverPids();
    tasks.write('broken', source);
    expect(await reload(cluster)).toMatchObject({
      msg: 'reload aborted',
      reason: expect.stringContaining(reason),
    });
    expect(cluster.serverPids()).toEqual(old);
    expect((await fetch(`${cluster.url}/readyz`)).status).toBe(200);
    expect(await cluster.stop()).toBe(0);
  });

  it('is aborted by code that speaks another version: a restart is needed', async () => {
    using copy = copyOfBuild();
    await using cluster = await startCluster({ entry: copy.entry });
    const old = cluster.serverPids();
    copy.edit('src/messages.js', (text) => text.replace(/protocolVersion = \d+/, 'protocolVersion = 999'));
    expect(await reload(cluster)).toMatchObject({
      msg: 'reload aborted',
      reason: expect.stringContaining('restart needed'),
    });
    expect(cluster.serverPids()).toEqual(old);
    expect(await cluster.stop()).toBe(0);
  });

  it('that is asked for during another one follows it, once, however often it was asked for', async () => {
    using tasks = taskFolder();
    tasks.write('mine', answering('old'));
    await using cluster = await startCluster({ env: { WORKERS: '1', TASKS_DIR: tasks.path } });
    // The old process drains for as long as this takes.
    const slow = await RawClient.connect(cluster.port);
    slow.send('GET /io/delay?ms=60000 HTTP/1.1\r\nHost: a\r\n\r\n');
    await fetch(cluster.url);
    cluster.signal('SIGHUP');
    // The new process has read its tasks by now; the old one still drains.
    await cluster.waitForLine(
      (line) => line.msg === 'server process ready' && startsBefore(cluster, line) === 1,
    );
    tasks.write('mine', answering('new'));
    cluster.signal('SIGHUP');
    await cluster.waitForLine(({ msg }) => msg === 'reload follows: another one is running');
    cluster.signal('SIGHUP');
    const refused = await fetch(`${cluster.adminUrl}/reload`, { method: 'POST' });
    expect(refused.status).toBe(409);
    slow.destroy();
    await cluster.waitForLine(() => ends(cluster).length === 2);
    expect(ends(cluster).map(({ msg }) => msg)).toEqual(['reload completed', 'reload completed']);
    expect(await (await fetch(`${cluster.url}/mine`)).json()).toEqual({ answer: 'new' });
    expect(await cluster.stop()).toBe(0);
    expect(cluster.lines.filter(({ msg }) => msg === 'reload started')).toHaveLength(2);
  });

  it('that is asked for during the start follows it', async () => {
    await using launched = launch({ env: { WORKERS: '1' } });
    await launched.waitForLine(({ msg }) => msg === 'server process forked');
    launched.signal('SIGHUP');
    await launched.waitForLine(({ msg }) => msg === 'reload completed');
    expect(await launched.stop()).toBe(0);
  });

  it('gives way to a stop', async () => {
    await using cluster = await startCluster();
    cluster.signal('SIGHUP');
    await cluster.waitForLine(({ msg }) => msg === 'reload started');
    expect(await cluster.stop()).toBe(0);
    expect(cluster.serverPids()).toEqual([]);
  });

  it('goes on when a process dies meanwhile, and all are new and whole at its end', async () => {
    await using cluster = await startCluster();
    const old = cluster.serverPids();
    const end = reload(cluster);
    await cluster.waitForLine(({ msg }) => msg === 'reload started');
    for (const pid of old) process.kill(pid, 'SIGKILL');
    expect((await end).msg).toBe('reload completed');
    expect(await lossesOf(cluster)).toEqual({ restarts: 2, died: 2 });
    while (cluster.serverPids().length !== 2) await sleep(20);
    expect(cluster.serverPids().filter((pid) => old.includes(pid))).toEqual([]);
    expect((await fetch(cluster.url)).status).toBe(200);
  });

  it('counts a process that is killed while it drains as lost', async () => {
    await using cluster = await startCluster({
      env: { WORKERS: '1', TASKS_DIR: faults, TASK_TIMEOUT_MS: '120000' },
    });
    const [old] = cluster.serverPids();
    const body = JSON.stringify({ how: 'hold', ms: 100_000 });
    const headers = { 'content-type': 'application/json' };
    const held = fetch(`${cluster.url}/fault`, { method: 'POST', headers, body }).catch(() => undefined);
    await underway(cluster.adminUrl, 1);
    const end = reload(cluster);
    await cluster.waitForLine(({ msg, serverPid }) => msg === 'server process ready' && serverPid !== old);
    process.kill(Number(old), 'SIGKILL');
    expect(await held).toBeUndefined();
    expect((await end).msg).toBe('reload completed');
    expect(await lossesOf(cluster)).toEqual({ restarts: 1, died: 1 });
    // What was asked to leave, and does, is no loss.
    expect((await reload(cluster)).msg).toBe('reload completed');
    expect(await lossesOf(cluster)).toEqual({ restarts: 1, died: 1 });
    expect(await cluster.stop()).toBe(0);
  });

  it.each([
    ['SIGTTIN', 3],
    ['SIGTTOU', 1],
  ] as const)(
    'goes on when %s comes meanwhile: %i server processes at its end, all new',
    async (signal, count) => {
      await using cluster = await startCluster();
      const old = cluster.serverPids();
      const end = reload(cluster);
      await cluster.waitForLine(({ msg }) => msg === 'reload started');
      cluster.signal(signal);
      expect((await end).msg).toBe('reload completed');
      if (signal === 'SIGTTIN')
        await cluster.waitForLine(({ msg, server }) => msg === 'server process ready' && server === 3);
      while (cluster.serverPids().length > count) await sleep(20);
      expect(cluster.serverPids()).toHaveLength(count);
      expect(cluster.serverPids().filter((pid) => old.includes(pid))).toEqual([]);
      expect((await fetch(`${cluster.url}/readyz`)).status).toBe(200);
      expect(await cluster.stop()).toBe(0);
    },
  );

  it.each([
    ['reload', 'SIGHUP', 200, '{"status":"ok"}'],
    ['stop', 'SIGTERM', 503, '{"status":"unavailable"}'],
  ] as const)(
    'a prober whose kept connection ends by a %s hears what is true of the server',
    async (_, signal, status, body) => {
      for (;;) {
        await using cluster = await startCluster({ env: { WORKERS: '1' } });
        const answer = await lastAnswer(cluster, signal);
        if (answer === undefined) continue;
        expect(answer).toMatchObject({ status, body });
        return;
      }
    },
  );

  it('lets a long call of the old process end, while the new one serves', async () => {
    await using cluster = await startCluster({
      // A stop waits for a second, which is nothing to a reload.
      env: { WORKERS: '1', TASKS_DIR: faults, QUEUE_MAX_WAIT_MS: '60000', SHUTDOWN_TIMEOUT_MS: '1000' },
    });
    const body = JSON.stringify({ how: 'hold', ms: 8_000 });
    const headers = { 'content-type': 'application/json' };
    const held = fetch(`${cluster.url}/fault`, { method: 'POST', headers, body });
    const [old] = cluster.serverPids();
    const end = reload(cluster);
    await cluster.waitForLine(({ msg, serverPid }) => msg === 'server process ready' && serverPid !== old);
    expect(await (await fetch(cluster.url, { headers: { connection: 'close' } })).text()).not.toContain(
      String(old),
    );
    expect((await held).status).toBe(200);
    expect((await end).msg).toBe('reload completed');
  });

  it('cuts what takes longer than a request may, and tells', async () => {
    await using cluster = await startCluster({
      env: {
        WORKERS: '1',
        HEADERS_TIMEOUT_MS: '1000',
        REQUEST_TIMEOUT_MS: '1000',
        TASK_TIMEOUT_MS: '100',
        QUEUE_MAX_WAIT_MS: '100',
        SHUTDOWN_TIMEOUT_MS: '100',
      },
      timings: { longestIoMs: 100, answerMs: 100, ...unhurried },
    });
    const [old] = cluster.serverPids();
    const slow = await RawClient.connect(cluster.port);
    slow.send('GET /io/delay?ms=30000 HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await reload(cluster)).msg).toBe('reload completed');
    expect(
      await cluster.waitForLine(
        ({ msg, serverPid }) => serverPid === old && String(msg).startsWith('server process exited'),
      ),
    ).toMatchObject({ level: 50, reason: 'reload', cut: 1 });
    await slow.closed();
    expect(slow.unread).toBe('');
    const url = cluster.lines.find(({ msg }) => msg === 'listening')?.adminUrl;
    expect(await (await fetch(`${url}/status`)).json()).toMatchObject({
      primary: { exits: [{ pid: old, reason: 'reload', cut: 1 }] },
    });
    expect(await cluster.stop()).toBe(0);
  });
});

/** A stop ends a connection that is silent for twice as long. */
const longPauseMs = 50;

/** @returns the answer that ends a prober's connection; undefined where a busy machine kept the prober from asking in time */
async function lastAnswer(
  { port, signal }: Pick<Cluster, 'port' | 'signal'>,
  name: 'SIGHUP' | 'SIGTERM',
): Promise<RawAnswer | undefined> {
  const prober = await RawClient.connect(port);
  let [askedMs, pauseMs] = [performance.now(), 0];
  signal(name);
  try {
    for (;;) {
      const nowMs = performance.now();
      pauseMs = Math.max(pauseMs, nowMs - askedMs);
      askedMs = nowMs;
      const answer = await prober.send('GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n').answer();
      if (answer.headers.get('connection') !== 'close') continue;
      await prober.closed();
      return answer;
    }
  } catch (error) {
    pauseMs = Math.max(pauseMs, performance.now() - askedMs);
    if (!(error instanceof ConnectionEnded) || pauseMs < longPauseMs) throw error;
    return undefined;
  }
}
