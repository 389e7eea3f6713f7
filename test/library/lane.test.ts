import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import express from 'express';
import { fastify } from 'fastify';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CallError } from '#src/errors.js';
import { type CpuLane, createLane } from '#src/library/lane.js';
import { listeningLog } from '../support/app.js';
import { linesMatching } from '../support/json-lines.js';
import { createLatch } from '../support/lane.js';

const tasks = new URL('../fixtures/apps/shop/tasks', import.meta.url);

describe('the lane alone', () => {
  let lane: CpuLane;
  beforeAll(async () => {
    lane = await createLane({ tasks, poolMaxThreads: 2, poolNice: 0 });
  });
  afterAll(async () => void (await lane.close()));

  it('calls tasks by name, and rejects what does not fit', async () => {
    expect(await lane.call('shout', { text: 'abc' })).toEqual({ loud: 'ABC' });
    await expect(lane.call('shout', { text: 1 })).rejects.toMatchObject({
      name: 'CallError',
      code: 'INVALID_INPUT',
      status: 400,
      errors: [{ path: 'text' }],
    });
    await expect(lane.call('nobody', {})).rejects.toThrow(/no task is named "nobody"; there are \w/);
  });

  it('ends a call in time, or when its signal says so', async () => {
    await expect(lane.call('latch', {}, { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    const leaving = new AbortController();
    const call = lane.call('latch', {}, { signal: leaving.signal });
    leaving.abort(new Error('no longer needed'));
    await expect(call).rejects.toThrow('no longer needed');
  });

  it('tells its state, and what it did as Prometheus text', async () => {
    await lane.call('shout', { text: 'x' });
    expect(lane.status()).toMatchObject({ threads: { max: 2 }, queue: { waiting: 0, limit: 1024 } });
    const text = await lane.metrics();
    expect(text).toMatch(/^millrace_calls_total\{task="shout",outcome="completed",lane="thread"\} [1-9]/m);
    expect(text).toMatch(/^millrace_threads\{state="idle"\} \d/m);
  });

  it('tells its load while a call runs', async () => {
    const leaving = new AbortController();
    const call = lane.call('latch', {}, { signal: leaving.signal });
    call.catch(() => undefined);
    const load = async () => Number(/^millrace_lane_load ([\d.]+)$/m.exec(await lane.metrics())?.[1]);
    await expect.poll(load).toBeGreaterThan(0);
    leaving.abort(new Error('seen'));
    await expect(call).rejects.toThrow('seen');
  });

  it('has the routes of its tasks for an Express app, also behind what has read the body', async () => {
    const app = express();
    app.use(express.json());
    app.use('/tasks', lane.router());
    app.use((_req, res) => void res.status(404).send('the app itself'));
    await using host = await listening(createServer(app));
    const post = (path: string, body: string) =>
      fetch(`${host.url}${path}`, { method: 'POST', body, headers: { 'Content-Type': 'application/json' } });
    const done = await post('/tasks/shout', '{"text":"abc"}');
    expect([done.status, await done.json()]).toEqual([200, { loud: 'ABC' }]);
    expect(done.headers.get('server-timing')).toContain('lane;desc="thread"');
    const refused = await post('/tasks/shout', '{"text":1}');
    expect([refused.status, refused.headers.get('content-type')]).toEqual([400, 'application/problem+json']);
    expect(await (await post('/tasks/elsewhere', '{}')).text()).toBe('the app itself');
  });

  it('cancels a call when the client of a node:http request leaves', async () => {
    const latched = linesMatching(({ msg }) => msg === 'latched');
    const released = linesMatching(({ msg }) => msg === 'released');
    const log = pino({ level: 'info' }, both(latched.sink, released.sink));
    const own = await createLane({ tasks, poolMaxThreads: 1, poolNice: 0, log });
    await using host = await listening(
      createServer((req, res) => {
        own.call('latch', {}, { req }).then(
          () => res.end('released'),
          () => undefined,
        );
      }),
    );
    const leaving = new AbortController();
    const answer = fetch(host.url, { signal: leaving.signal });
    await latched.first;
    leaving.abort();
    await expect(answer).rejects.toThrow();
    expect(await released.first).toMatchObject({ reason: 'AbortError', task: 'latch' });
    await own.close();
  });
});

it('close waits for the calls that are open, takes no others, and cuts what lasts too long', async () => {
  const lane = await createLane({ tasks, poolMaxThreads: 1, poolNice: 0 });
  const endless = lane.call('latch', {});
  const closed = lane.close({ timeoutMs: 200 });
  await expect(lane.call('shout', { text: 'x' })).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  await expect(endless).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  expect(await closed).toEqual({ cut: 1 });
  expect(await lane.close()).toEqual({ cut: 1 });
});

it('changes nothing of its host: title, signals, functions, priorities; and says nothing', async () => {
  const host = fileURLToPath(new URL('../fixtures/hosts/script.js', import.meta.url));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [host]);
  const { before, during, after, steppedBack, answer, cut }: Record<string, unknown> = JSON.parse(stdout);
  expect(during).toEqual(before);
  expect(after).toEqual(before);
  expect(before).toMatchObject({ title: 'a host', listeners: { SIGTERM: 1 } });
  if (process.platform === 'linux') expect(steppedBack).toBe(1);
  expect([answer, cut, stderr]).toEqual([{ loud: 'ABC' }, 0, '']);
});

it('leaves nothing behind, however often it is opened and closed', async () => {
  const host = fileURLToPath(new URL('../fixtures/hosts/leaks.js', import.meta.url));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--expose-gc', host]);
  const { early, late }: Record<'early' | 'late', { heapMiB: number }> = JSON.parse(stdout);
  expect(stderr).toBe('');
  expect(late).toEqual({ ...early, heapMiB: expect.any(Number) });
  // 45 lanes: less than 100 KiB for each is code that V8 has compiled, and no lane.
  expect(late.heapMiB - early.heapMiB).toBeLessThan(4.5);
});

it('serves a Fastify app, by the request that is below its own', async () => {
  const lane = await createLane({ tasks, poolMaxThreads: 1, poolNice: 0 });
  const app = fastify();
  app.get('/shout', async (req) => lane.call('shout', { text: 'abc' }, { req: req.raw }));
  app.setErrorHandler((error, _req, reply) => {
    if (error instanceof CallError) reply.code(error.status).send({ code: error.code });
    else throw error;
  });
  app.get('/refused', async (req) => lane.call('shout', { text: 1 }, { req: req.raw }));
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  try {
    expect(await (await fetch(`${url}/shout`)).json()).toEqual({ loud: 'ABC' });
    const refused = await fetch(`${url}/refused`);
    expect([refused.status, await refused.json()]).toEqual([400, { code: 'INVALID_INPUT' }]);
  } finally {
    await app.close();
    await lane.close();
  }
});

it('runs no task on the event loop of its host, unless it is asked to', async () => {
  const vouching = new URL('../fixtures/vouching/vouched.js', import.meta.url);
  const lane = await createLane({ tasks: vouching, poolMaxThreads: 1, poolNice: 0 });
  for (let i = 0; i < 200; i++) await lane.call('vouched', { tag: 'host', how: 'well' });
  expect(await lane.metrics()).not.toContain('lane="inline"');
  await lane.close();
});

it('tells its program when too many threads do not end, and in log, status and metrics', async () => {
  const { log, lines } = listeningLog();
  let worn = 0;
  const latch = createLatch();
  const lane = await createLane({
    tasks: new URL('../fixtures/native/linger.js', import.meta.url),
    poolMaxThreads: 1,
    poolNice: 0,
    log,
    onWorn: () => void worn++,
  });
  try {
    for (let left = 1; left <= 8; left++) {
      expect(worn).toBe(0);
      const leaving = new AbortController();
      const { signal } = leaving;
      const call = lane.call('linger', { how: 'gate', memory: latch.memory }, { signal });
      call.catch(() => undefined);
      await latch.begun(left);
      leaving.abort(new Error('left'));
      await expect(call).rejects.toThrow('left');
      await expect.poll(() => lane.status().threads.leftover).toBe(left);
    }
    expect(worn).toBe(1);
    expect(lines.filter(({ msg }) => String(msg).startsWith('too many threads do not end'))).toMatchObject([
      { level: 50, leftover: 8, stuck: 0 },
    ]);
    expect(await lane.metrics()).toContain('millrace_threads{state="leftover"} 8');
  } finally {
    latch.open(1);
    await lane.close();
  }
});

it.each([
  [{ poolMaxThread: 2 }, 'there is no setting "poolMaxThread"'],
  [{ poolMaxThreads: 0 }, 'POOL_MAX_THREADS must be'],
])('the settings %j are refused', async (settings, message) => {
  await expect(createLane({ tasks, ...settings })).rejects.toThrow(message);
});

async function listening(server: Server): Promise<{ url: string } & AsyncDisposable> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function both(...sinks: Writable[]): Writable {
  return new Writable({
    write(chunk, _encoding, done) {
      for (const sink of sinks) sink.write(chunk);
      done();
    },
  });
}
