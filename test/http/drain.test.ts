import { afterEach, expect, test } from 'vitest';
import { type HeldAnswers, heldAnswers } from '../support/held-answers.js';
import { startHttpServer, type TestServer, type TestServerOptions } from '../support/http-server.js';
import { RawClient } from '../support/raw-client.js';

let server: TestServer;
let held: HeldAnswers;
const clients: RawClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await server.close();
});

async function start(options: TestServerOptions = {}): Promise<void> {
  held = heldAnswers();
  server = await startHttpServer({ handler: held.handler, ...options });
}

async function connect(): Promise<RawClient> {
  const client = await RawClient.connect(server.port);
  clients.push(client);
  return client;
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

/** A connection that has had an answer and may have another. */
async function kept(): Promise<RawClient> {
  const client = await connect();
  expect((await client.send(get('/')).answer()).headers.get('connection')).toBe('keep-alive');
  return client;
}

test('stop: what is pending is answered with Connection: close, and nothing was cut', async () => {
  await start();
  const client = await connect();
  client.send(get('/slow'));
  await held.arrived('/slow');
  const closed = server.drain.close('stop', 10_000);
  await held.release('/slow');
  const answer = await client.answer();
  expect(answer).toMatchObject({ status: 200, body: '/slow' });
  expect(answer.headers.get('connection')).toBe('close');
  expect(await closed).toMatchObject({ cut: 0 });
});

test('stop: pipelined answers all arrive, and only the last says close', async () => {
  await start();
  const client = await connect();
  client.send(get('/a') + get('/b'));
  await held.arrived('/b');
  const closed = server.drain.close('stop', 10_000);
  client.send(get('/c'));
  await held.arrived('/c');
  for (const path of ['/a', '/b', '/c']) await held.release(path);
  const answers = [await client.answer(), await client.answer(), await client.answer()];
  expect(answers.map(({ headers }) => headers.get('connection'))).toEqual([
    'keep-alive',
    'keep-alive',
    'close',
  ]);
  expect(await closed).toMatchObject({ cut: 0 });
});

test('stop: 200 idle connections and some that never spoke do not hold it up', async () => {
  await start();
  await Promise.all(Array.from({ length: 200 }, kept));
  await Promise.all(Array.from({ length: 20 }, connect));
  const startMs = performance.now();
  expect(await server.drain.close('stop', 120_000)).toMatchObject({ cut: 0 });
  expect(performance.now() - startMs).toBeLessThan(60_000);
});

test('stop: who stands in the backlog is answered, then new connections are refused', async () => {
  await start({ timings: { freshMs: 60_000 } });
  const client = await connect();
  client.send(get('/slow'));
  await held.arrived('/slow');
  const established = Promise.all(Array.from({ length: 32 }, connect));
  const closed = server.drain.close('stop', 10_000);
  const answers = (await established).map((late) => late.send(get('/')).answer());
  for (const { headers } of await Promise.all(answers)) expect(headers.get('connection')).toBe('close');
  await expect(connect()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await held.release('/slow');
  await closed;
});

test('stop: a request of which a part has arrived may still arrive whole', async () => {
  await start();
  const clientOfOne = await connect();
  const clientOfTwo = await kept();
  clientOfOne.send('GET /slow HTTP/1.1\r\n');
  clientOfTwo.send('GET /slow2 HTTP/1.1\r\n');
  // Both halves have been read once a later connection was served.
  await kept();
  const idle = await kept();
  const closed = server.drain.close('stop', 10_000);
  await idle.closed();
  for (const [client, path] of [
    [clientOfOne, '/slow'],
    [clientOfTwo, '/slow2'],
  ] as const) {
    client.send('Host: a\r\n\r\n');
    await held.release(path);
    const answer = await client.answer();
    expect(answer).toMatchObject({ status: 200, body: path });
    expect(answer.headers.get('connection')).toBe('close');
  }
  expect(await closed).toMatchObject({ cut: 0 });
});

test('stop: a half-sent request holds it up no longer than its own limit', async () => {
  await start({ limits: { headersTimeoutMs: 300, requestTimeoutMs: 600 } });
  const head = await connect();
  head.send('GET / HTTP/1.1\r\n');
  const body = await connect();
  body.send('POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n');
  await held.arrived('/upload');
  const startMs = performance.now();
  const closed = server.drain.close('stop', 120_000);
  expect((await head.answer()).status).toBe(408);
  expect((await body.answer()).status).toBe(408);
  expect(await closed).toMatchObject({ cut: 0 });
  expect(performance.now() - startMs).toBeLessThan(60_000);
});

test('stop: at the deadline half-sent requests are cut, and do not count', async () => {
  await start();
  (await connect()).send('GET / HTTP/1.1\r\n');
  (await connect()).send('POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n');
  await held.arrived('/upload');
  expect(await server.drain.close('stop', 100)).toMatchObject({ cut: 0 });
});

test('stop: at the deadline the lane is closed, and who has no answer yet gets 503', async () => {
  let laneCloses = 0;
  await start({
    closeLane: () => {
      laneCloses++;
      return held.release('/call').then(() => ({ cut: 1, isQuiet: true }));
    },
  });
  const [call, io] = [await connect(), await connect()];
  call.send(get('/call'));
  io.send(get('/io'));
  await held.arrived('/call');
  await held.arrived('/io');
  const closed = server.drain.close('stop', 100);
  expect(await call.answer()).toMatchObject({ body: '/call' });
  const refusal = await io.answer();
  expect(refusal.status).toBe(503);
  expect(refusal.headers.get('connection')).toBe('close');
  expect(JSON.parse(refusal.body)).toMatchObject({ code: 'SHUTTING_DOWN' });
  expect(await closed).toMatchObject({ cut: 2 });
  expect(laneCloses).toBe(1);
});

test('stop: a thread that does not end is not waited for', async () => {
  await start({ closeLane: () => new Promise(() => {}) });
  expect(await server.drain.close('stop', 10_000)).toMatchObject({ cut: 0, isQuiet: false });
});

test('stop: the answer to a client that does not read is cut, and counts', async () => {
  await start();
  const client = await connect();
  client.socket.pause();
  client.send(get('/large'));
  (await held.arrived('/large')).end(Buffer.alloc(32 * 1_024 * 1_024));
  expect(await server.drain.close('stop', 100)).toMatchObject({ cut: 1 });
});

test('reload: a kept connection is served once more with Connection: close', async () => {
  await start();
  const client = await kept();
  const closed = server.drain.close('reload', 10_000);
  const answer = await client.send(get('/')).answer();
  expect(answer.status).toBe(200);
  expect(answer.headers.get('connection')).toBe('close');
  await client.closed();
  expect(await closed).toMatchObject({ cut: 0 });
});

test('reload: a connection is ended when it was silent for long enough, not before', async () => {
  await start({ timings: { silenceMs: { stop: 10, reload: 300 } } });
  const client = await kept();
  const startMs = performance.now();
  const closed = server.drain.close('reload', 10_000);
  await client.closed();
  expect(performance.now() - startMs).toBeGreaterThan(250);
  expect(await closed).toMatchObject({ cut: 0 });
});

test('reload: at the deadline what is open is cut without a word', async () => {
  await start();
  const client = await connect();
  client.send(get('/slow'));
  await held.arrived('/slow');
  expect(await server.drain.close('reload', 50)).toMatchObject({ cut: 1 });
  await client.closed();
  expect(client.unread).toBe('');
});

test('a stop hastens a running reload', async () => {
  await start({ timings: { silenceMs: { stop: 10, reload: 60_000 } } });
  const client = await kept();
  const reloaded = server.drain.close('reload', 60_000);
  const stopped = server.drain.close('stop', 10_000);
  await client.closed();
  expect(await reloaded).toMatchObject({ cut: 0 });
  expect(await stopped).toMatchObject({ cut: 0 });
});

test('closing again changes nothing', async () => {
  await start();
  expect(await server.drain.close('stop', 1_000)).toMatchObject({ cut: 0 });
  expect(await server.drain.close('reload', 1_000)).toMatchObject({ cut: 0 });
  expect(server.drain.mode()).toBe('stop');
});

test('stop: a connection that was just made may still send its first request', async () => {
  await start({ timings: { freshMs: 60_000, silenceMs: { stop: 10, reload: 300 } } });
  const old = await kept();
  const fresh = await connect();
  const closed = server.drain.close('stop', 10_000);
  await old.closed();
  expect((await fresh.send(get('/')).answer()).headers.get('connection')).toBe('close');
  expect(await closed).toMatchObject({ cut: 0 });
});
