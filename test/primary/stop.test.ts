import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type Cluster, type StartOptions, startCluster, unhurried } from '../support/cluster.js';
import { underway } from '../support/underway.js';

const faults = fileURLToPath(new URL('../fixtures/faults', import.meta.url));

function start(options: StartOptions = {}): Promise<Cluster> {
  return startCluster({ ...options, env: { TASKS_DIR: faults, QUEUE_MAX_WAIT_MS: '60000', ...options.env } });
}

function hold(cluster: Cluster, ms: number): Promise<{ status: number; body: string } | undefined> {
  const body = JSON.stringify({ how: 'hold', ms });
  const headers = { 'content-type': 'application/json' };
  return fetch(`${cluster.url}/fault`, { method: 'POST', headers, body }).then(
    async (answer) => ({ status: answer.status, body: await answer.text() }),
    () => undefined,
  );
}

async function open(cluster: Cluster, text = ''): Promise<Socket> {
  const socket = connect(cluster.port, '127.0.0.1');
  socket.on('error', () => {});
  await new Promise((resolve) => socket.once('connect', resolve));
  if (text !== '') socket.write(text);
  return socket;
}

/** What is waited for here without being cut would take a minute; on a busy machine this is prompt. */
const promptMs = 30_000;

async function timed(cluster: Cluster, stop: () => void): Promise<{ code: number | string; ms: number }> {
  const sinceMs = performance.now();
  stop();
  return { code: await cluster.exited, ms: performance.now() - sinceMs };
}

describe('a stop', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'by %s to every process of the group answers 16 calls, running and queued, and ends with 0',
    async (signal) => {
      await using cluster = await start({ detached: true, env: { SHUTDOWN_TIMEOUT_MS: '120000' } });
      const calls = Array.from({ length: 16 }, () => hold(cluster, 3_000));
      // Four of them run, and none is done.
      await underway(cluster.adminUrl, 16);
      const { code } = await timed(cluster, () => cluster.signal(signal, 'group'));
      expect((await Promise.all(calls)).map((answer) => answer?.status)).toEqual(calls.map(() => 200));
      expect(code).toBe(0);
      expect(cluster.serverPids()).toEqual([]);
      expect(cluster.stderr()).toBe('');
    },
  );

  it('does not wait for 200 idle connections', async () => {
    await using cluster = await start({ env: { SHUTDOWN_TIMEOUT_MS: '120000' } });
    const sockets = await Promise.all(
      Array.from({ length: 200 }, () => open(cluster, 'GET /livez HTTP/1.1\r\nHost: a\r\n\r\n')),
    );
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('data', resolve))));
    const { code, ms } = await timed(cluster, () => cluster.signal('SIGTERM'));
    expect(code).toBe(0);
    expect(ms).toBeLessThan(promptMs);
  });

  it('cuts a half-sent request at the deadline, which does not change the code', async () => {
    await using cluster = await start({ env: { SHUTDOWN_TIMEOUT_MS: '1000' }, timings: unhurried });
    await open(cluster, 'POST /io/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc');
    await open(cluster, 'GET /livez HT');
    await sleep(50);
    const { code, ms } = await timed(cluster, () => cluster.signal('SIGTERM'));
    expect(code).toBe(0);
    expect(ms).toBeLessThan(promptMs);
  });

  it('answers SHUTTING_DOWN to calls that are not done by the deadline, and ends with 1', async () => {
    await using cluster = await start({ env: { SHUTDOWN_TIMEOUT_MS: '500' }, timings: unhurried });
    const call = hold(cluster, 60_000);
    await underway(cluster.adminUrl, 1);
    const { code, ms } = await timed(cluster, () => cluster.signal('SIGTERM'));
    expect(await call).toMatchObject({ status: 503, body: expect.stringContaining('"SHUTTING_DOWN"') });
    expect(code).toBe(1);
    expect(ms).toBeLessThan(promptMs);
  });

  it('keeps serving for SHUTDOWN_DELAY_MS with /readyz at 503', async () => {
    await using cluster = await start({ env: { SHUTDOWN_DELAY_MS: '8000' } });
    expect((await fetch(`${cluster.url}/readyz`)).status).toBe(200);
    const sinceMs = performance.now();
    cluster.signal('SIGTERM');
    await cluster.waitForLine(
      ({ msg, readiness }) => msg === 'readiness changed' && readiness === 'unavailable',
    );
    while ((await fetch(`${cluster.url}/readyz`)).status !== 503) await sleep(5);
    const answer = await fetch(cluster.url);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('connection')).not.toBe('close');
    expect(await cluster.exited).toBe(0);
    expect(performance.now() - sinceMs).toBeGreaterThan(8_000);
  });

  it('replaces what dies within SHUTDOWN_DELAY_MS, as usual', async () => {
    await using cluster = await start({ env: { WORKERS: '1', SHUTDOWN_DELAY_MS: '20000' } });
    const [first] = cluster.serverPids();
    cluster.signal('SIGTERM');
    await cluster.waitForLine(({ msg }) => msg === 'stopping');
    process.kill(Number(first), 'SIGKILL');
    await cluster.waitForLine(({ msg, serverPid }) => msg === 'server process ready' && serverPid !== first);
    expect((await fetch(cluster.url)).status).toBe(200);
    expect((await fetch(`${cluster.url}/readyz`)).status).toBe(503);
    expect(await cluster.exited).toBe(0);
  });

  it('ends a stopped server process by SIGKILL after the deadline, with 1', async () => {
    await using cluster = await start({ env: { SHUTDOWN_TIMEOUT_MS: '300' } });
    process.kill(Number(cluster.serverPids()[0]), 'SIGSTOP');
    const { code, ms } = await timed(cluster, () => cluster.signal('SIGTERM'));
    expect(code).toBe(1);
    expect(ms).toBeLessThan(promptMs);
    expect(cluster.serverPids()).toEqual([]);
  });

  it('does not wait for native code beyond the deadline: its callers are told, and the code is 1', async () => {
    await using cluster = await start({ env: { SHUTDOWN_TIMEOUT_MS: '500' }, timings: unhurried });
    const body = JSON.stringify({ algorithm: 'bcrypt', data: 'secret', rounds: 15 });
    const headers = { 'content-type': 'application/json' };
    const calls = Array.from({ length: 4 }, () =>
      fetch(`${cluster.url}/hash`, { method: 'POST', headers, body }),
    );
    await underway(cluster.adminUrl, 4);
    const { code, ms } = await timed(cluster, () => cluster.signal('SIGTERM'));
    expect(code).toBe(1);
    expect(ms).toBeLessThan(promptMs);
    // Waited for, they would be answered 200.
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual([503, 503, 503, 503]);
    expect(cluster.lines.some(({ reason }) => reason === 'drain timeout')).toBe(false);
  });

  it('asked for twice at once is one; a second signal later forces it: 1, at once', async () => {
    await using cluster = await start({ timings: { secondSignalMs: 2_000 } });
    const call = hold(cluster, 60_000);
    await underway(cluster.adminUrl, 1);
    cluster.signal('SIGINT');
    cluster.signal('SIGINT');
    await cluster.waitForLine(({ msg }) => msg === 'stopping');
    // Those that come within two seconds of the first are the same one.
    await sleep(2_500);
    expect(cluster.serverPids()).not.toEqual([]);
    const { code, ms } = await timed(cluster, () => cluster.signal('SIGTERM'));
    expect(code).toBe(1);
    expect(ms).toBeLessThan(promptMs);
    expect(await call).toBeUndefined();
    while (cluster.serverPids().length > 0) await sleep(10);
  });

  it('ends where the reader of its log leaves while it stops', async () => {
    await using cluster = await start();
    cluster.signal('SIGTERM');
    cluster.muteOutput();
    expect(await cluster.exited).toBe(0);
  });

  it('does not need anybody to read the log', async () => {
    await using cluster = await start();
    cluster.muteOutput();
    process.kill(Number(cluster.serverPids()[0]), 'SIGKILL');
    while ((await fetch(`${cluster.url}/livez`)).status !== 200) await sleep(10);
    expect(await cluster.stop()).toBe(0);
  });
});
