// Streams over real connections to a real server: clients that stop reading, leave or speak HTTP/1.0, tasks that break
// off, a reload and a stop in the middle.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import express from 'express';
import { createLane } from 'millrace';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, startCluster } from '../support/cluster.js';
import { listen } from '../support/wire.js';

const folder = fileURLToPath(new URL('../fixtures/streams', import.meta.url));
const mebibyte = 1_048_576;
const env = {
  TASKS_DIR: folder,
  WORKERS: '1',
  POOL_MAX_THREADS: '2',
  POOL_MAX_HEAP_MB: '64',
  POOL_NICE: '0',
};

async function ask(url: string, query: string, headers = {}): Promise<IncomingMessage> {
  const [answer]: IncomingMessage[] = await once(
    get(`${url}/flow?${query}`, { headers, agent: false }),
    'response',
  );
  if (answer === undefined) throw new Error('no answer');
  return answer;
}

/** What came, and whether the answer came to its end. */
async function readAll(answer: IncomingMessage): Promise<{ text: string; complete: boolean }> {
  let text = '';
  try {
    for await (const chunk of answer) text += chunk;
  } catch {
    // Cut.
  }
  return { text, complete: answer.complete };
}

async function countsOf({ adminUrl }: Cluster): Promise<Record<string, number>> {
  const { totals } = (await (await fetch(`${adminUrl}/status`)).json()) as {
    totals: Record<string, Record<string, number>>;
  };
  return totals.flow ?? {};
}

async function dialed(port: number, request: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(request);
  return socket;
}

describe('a stream', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({ env });
  });
  afterAll(() => cluster.dispose());

  it('waits for a client that stops reading, and is cut at its deadline', async () => {
    const id = 'no-reader';
    const count = 1_000_000 * mebibyte;
    const answer = await ask(cluster.url, `how=flood&count=${count}`, {
      'X-Request-Id': id,
      'Request-Timeout': '10',
    });
    answer.on('error', () => undefined);
    const ended = await cluster.waitForLine(
      ({ msg, requestId }) => msg === 'flood ended' && requestId === id,
    );
    expect(ended).toMatchObject({ aborted: true });
    // Its window, and what two sockets hold. What nobody holds up makes a GiB in a second.
    expect(Number(ended.produced)).toBeLessThan(48 * mebibyte);
    const told = await cluster.waitForLine(({ code, requestId }) => code !== undefined && requestId === id);
    expect(told).toMatchObject({ code: 'DEADLINE_EXCEEDED', status: 504, task: 'flow' });
    expect(told.msg).toContain('its connection was cut');
    expect((await readAll(answer)).complete).toBe(false);
  });

  it('is cut before its first chunk by a 504', async () => {
    const answer = await ask(cluster.url, 'how=wait', { 'Request-Timeout': '0.2' });
    expect([answer.statusCode, JSON.parse((await readAll(answer)).text)]).toMatchObject([
      504,
      { code: 'DEADLINE_EXCEEDED' },
    ]);
  });

  it('ends with its client', async () => {
    const id = 'leaver';
    const { cancelled = 0 } = await countsOf(cluster);
    const answer = await ask(cluster.url, 'how=waitLater', { 'X-Request-Id': id });
    const ofCall = (text: string) =>
      cluster.waitForLine(({ msg, requestId }) => msg === text && requestId === id);
    await ofCall('waits');
    answer.destroy();
    await ofCall('waited');
    while ((await countsOf(cluster)).cancelled === cancelled) await sleep(20);
  });

  it.each([
    ['throwLater', 'TASK_FAILED', 'in the middle'],
    ['exit', 'THREAD_LOST', 'exited with code 3'],
    ['fill', 'THREAD_LOST', 'out of memory'],
  ])('that breaks off (%s) is never ended soundly, and the log says why', async (how, code, why) => {
    const { failed = 0 } = await countsOf(cluster);
    const answer = await ask(cluster.url, `how=${how}`, { 'X-Request-Id': how });
    expect(await readAll(answer)).toEqual({ text: 'begun ', complete: false });
    const told = await cluster.waitForLine((line) => line.code !== undefined && line.requestId === how);
    expect(told).toMatchObject({ code, status: 500, task: 'flow', level: 50 });
    expect(JSON.stringify(told.err)).toContain(why);
    while ((await countsOf(cluster)).failed === failed) await sleep(20);
  });

  it('goes to a client of HTTP/1.0 without chunks, and is reset where it breaks off', async () => {
    const socket = await dialed(cluster.port, 'GET /flow?how=text HTTP/1.0\r\nHost: a\r\n\r\n');
    let text = '';
    for await (const bytes of socket) text += bytes;
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(text).not.toMatch(/transfer-encoding/i);
    expect(text.slice(text.indexOf('\r\n\r\n') + 4)).toBe('grün 🌱');
    // Where a reset comes together with data, libuv takes what it has read for the end and never sees the reset (seen in
    // Node 20: a hang-up behind a short read). The server has reset the connection all the same: one is seen in time.
    let error: unknown;
    while (error === undefined) {
      const broken = await dialed(cluster.port, 'GET /flow?how=throwMuchLater HTTP/1.0\r\nHost: a\r\n\r\n');
      broken.resume();
      error = await new Promise((resolve) =>
        broken.once('error', resolve).once('close', () => resolve(undefined)),
      );
    }
    expect(error).toMatchObject({ code: 'ECONNRESET' });
  });

  it('of a GiB takes no memory', async () => {
    const [pid] = cluster.serverPids();
    const residentMib = () =>
      Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;
    const answer = await ask(cluster.url, `how=flood&count=${1_024 * mebibyte}`);
    let read = 0;
    let most = 0;
    let base = 0;
    let nextLook = 0;
    for await (const chunk of answer) {
      read += chunk.length;
      if (process.platform !== 'linux' || read < nextLook) continue;
      nextLook += 16 * mebibyte;
      // The first part lets the heaps grow to what they like.
      if (read < 128 * mebibyte) base = Math.max(base, residentMib());
      else most = Math.max(most, residentMib());
    }
    expect([read, answer.complete]).toEqual([1_024 * mebibyte, true]);
    expect(most).toBeLessThan(base + 200);
  });
});

describe('a stream in the middle', () => {
  it.each([
    ['SIGTERM', 0],
    ['SIGHUP', undefined],
  ] as const)('of a %s is sent to its end', async (signal, code) => {
    await using cluster = await startCluster({ env });
    const answer = await ask(cluster.url, 'how=slow&count=50');
    await once(answer, 'readable');
    cluster.signal(signal);
    const { text, complete } = await readAll(answer);
    expect([text.split('\n').length, complete]).toEqual([51, true]);
    if (code === undefined) await cluster.waitForLine(({ msg }) => msg === 'reload completed');
    else expect(await cluster.exited).toBe(code);
  });

  it('of a stop is cut where that may take no longer', async () => {
    await using cluster = await startCluster({ env: { ...env, SHUTDOWN_TIMEOUT_MS: '1000' } });
    const answer = await ask(cluster.url, 'how=waitLater');
    await once(answer, 'readable');
    cluster.signal('SIGTERM');
    expect(await readAll(answer)).toEqual({ text: 'begun ', complete: false });
    expect(await cluster.exited).toBe(1);
  });
});

it('a lane’s own router streams, and the lane waits for it', async () => {
  const lane = await createLane({ tasks: folder, poolMaxThreads: 1, poolNice: 0 });
  const server = await listen(express().use('/tasks', lane.router()));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const url = `http://127.0.0.1:${address.port}/tasks`;
  expect(await readAll(await ask(url, 'how=throwLater'))).toEqual({ text: 'begun ', complete: false });
  const answer = await ask(url, 'how=slow&count=10');
  const closed = lane.close();
  expect((await readAll(answer)).complete).toBe(true);
  expect(await closed).toEqual({ cut: 0 });
});
