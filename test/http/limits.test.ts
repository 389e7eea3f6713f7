import { once } from 'node:events';
import { connect as connectSocket, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { heldAnswers } from '../support/held-answers.js';
import { answer, startHttpServer, type TestServer, type TestServerOptions } from '../support/http-server.js';
import { RawClient } from '../support/raw-client.js';

let server: TestServer | undefined;
const clients: RawClient[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await server?.close();
});

async function start(options: TestServerOptions): Promise<() => Promise<RawClient>> {
  server = await startHttpServer(options);
  const { port } = server;
  return async () => {
    const client = await RawClient.connect(port);
    clients.push(client);
    return client;
  };
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

/** Runs it and tells how long that took, in ms. */
async function took(run: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await run();
  return performance.now() - startMs;
}

/** On a busy machine these limits are kept by then; the usual ones would take 30 s and more. */
const longMs = 20_000;

const quick = { headersTimeoutMs: 400, requestTimeoutMs: 800, keepAliveTimeoutMs: 600 };

test('a connection that says nothing is ended without a word when its headers are due', async () => {
  const connect = await start({ limits: quick });
  const ms = await took(async () => {
    const client = await connect();
    await client.closed();
    expect(client.unread).toBe('');
  });
  expect(ms).toBeGreaterThan(350);
  expect(ms).toBeLessThan(longMs);
});

test('headers that come byte by byte are cut when they are due', async () => {
  const connect = await start({ limits: quick });
  const client = await connect();
  client.send('GET / HTTP/1.1\r\n');
  const trickle = setInterval(() => client.send('X: y\r\n'), 20);
  try {
    const answer = await client.answer();
    expect(answer.status).toBe(408);
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'REQUEST_TIMEOUT' });
    await client.closed();
  } finally {
    clearInterval(trickle);
  }
});

test('a body that does not come is answered 408 in place of its handler, who finds the client gone', async () => {
  const held = heldAnswers();
  const connect = await start({ handler: held.handler, limits: quick });
  const client = await connect();
  client.send('POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab');
  expect((await client.answer()).status).toBe(408);
  await client.closed();
  await held.ended('/upload');
});

test.each(['GET', 'POST'])(
  'a body of %s that does not come when the answer was given ends it without another',
  async (method) => {
    const held = heldAnswers();
    const connect = await start({ handler: held.handler, limits: quick });
    const client = await connect();
    client.send(`${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n`);
    expect((await client.answer()).headers.get('connection')).toBe('keep-alive');
    await client.closed();
    expect(client.unread).toBe('');
  },
);

test('the second request of a connection has the same limits as the first', async () => {
  const connect = await start({ limits: { ...quick, keepAliveTimeoutMs: 10_000 } });
  const client = await connect();
  expect((await client.send(get('/')).answer()).status).toBe(200);
  client.send('GET / HTTP/1.1\r\n');
  expect((await client.answer()).status).toBe(408);
  await client.closed();
});

test('an idle connection is ended without a word', async () => {
  const connect = await start({ limits: quick });
  const client = await connect();
  const ms = await took(async () => {
    expect((await client.send(get('/')).answer()).status).toBe(200);
    await client.closed();
  });
  expect(ms).toBeGreaterThan(550);
  expect(ms).toBeLessThan(longMs);
  expect(client.unread).toBe('');
});

test('an answer that takes longer than every limit is waited for', async () => {
  const held = heldAnswers();
  const limits = {
    headersTimeoutMs: 300,
    requestTimeoutMs: 300,
    keepAliveTimeoutMs: 300,
    sendTimeoutMs: 300,
  };
  const connect = await start({ handler: held.handler, limits });
  const client = await connect();
  client.send(get('/slow'));
  await held.arrived('/slow');
  // As long as others need to be cut by each of the limits.
  const silent = await connect();
  await silent.closed();
  const idle = await connect();
  await idle.send(get('/')).answer();
  await idle.closed();
  await held.release('/slow');
  expect(await client.answer()).toMatchObject({ status: 200, body: '/slow' });
});

const large = Buffer.alloc(64 * 1_024 * 1_024, 'x');

test('a client that never reads is disconnected, and its exchange ends', async () => {
  const held = heldAnswers();
  const connect = await start({ handler: held.handler, limits: { sendTimeoutMs: 1_000 } });
  const client = await connect();
  client.socket.pause();
  client.send(get('/large'));
  answer(await held.arrived('/large'), large);
  const ms = await took(() => held.ended('/large'));
  expect(ms).toBeGreaterThan(950);
  expect(ms).toBeLessThan(longMs);
});

test('a client that stops reading has its time from then on, and no more', async () => {
  const held = heldAnswers();
  const connect = await start({ handler: held.handler, limits: { sendTimeoutMs: 3_000 } });
  const client = await connect();
  const { socket } = client;
  socket.removeAllListeners('data').pause();
  client.send(get('/large'));
  answer(await held.arrived('/large'), large);
  // A part of it, in the middle of the time.
  await sleep(500);
  let bytes = 0;
  socket.on('data', (chunk) => {
    bytes += chunk.length;
    if (bytes > large.length / 4) socket.pause();
  });
  socket.resume();
  while (!socket.isPaused()) await once(socket, 'data');
  const ms = await took(() => held.ended('/large'));
  expect(ms).toBeGreaterThan(2_700);
  expect(ms).toBeLessThan(longMs);
});

test('a client that reads slowly gets all of it', async () => {
  const sendTimeoutMs = 5_000;
  const held = heldAnswers();
  const connect = await start({ handler: held.handler, limits: { sendTimeoutMs } });
  const client = await connect();
  const { socket } = client;
  socket.removeAllListeners('data');
  let bytes = 0;
  socket.on('data', (chunk) => {
    bytes += chunk.length;
    socket.pause();
  });
  // Slow enough to take longer than the limit, and never silent for as long as that.
  const sip = setInterval(() => socket.resume(), 12);
  const startMs = performance.now();
  client.send(get('/large'));
  answer(await held.arrived('/large'), large);
  try {
    while (bytes < large.length) await once(socket, 'data');
  } finally {
    clearInterval(sip);
  }
  expect(performance.now() - startMs).toBeGreaterThan(sendTimeoutMs);
});

test('1,000 slow connections are all ended while others are served', async () => {
  const connect = await start({ limits: { headersTimeoutMs: 1_000 } });
  const slow = await Promise.all(Array.from({ length: 1_000 }, connect));
  for (const one of slow) one.send('GET / HTTP/1.1\r\n');
  const client = await connect();
  let open = slow.length;
  const gone = Promise.all(slow.map((one) => one.closed().then(() => open--)));
  let served = 0;
  while (open > 0) {
    expect((await client.send(get('/')).answer()).status).toBe(200);
    served++;
  }
  await gone;
  expect(served).toBeGreaterThan(1);
});

test('behind a last answer a client is read for as long as it sends, up to ten seconds', async () => {
  const running = await startHttpServer();
  server = running;

  /** @returns how long the server kept its side, in ms */
  async function kept(sends: boolean): Promise<number> {
    const accepted = new Promise<Socket>((resolve) => running.http.server.once('connection', resolve));
    // It does not end its side when the server does.
    const socket = connectSocket({ port: running.port, allowHalfOpen: true });
    const serverSide = await accepted;
    socket.on('error', () => undefined).resume();
    const ended = once(socket, 'end');
    const closed = once(serverSide, 'close');
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n');
    await ended;
    const trickle = sends ? setInterval(() => socket.write('x'), 100) : undefined;
    const ms = await took(() => closed);
    clearInterval(trickle);
    socket.destroy();
    return ms;
  }

  const silent = await kept(false);
  expect(silent).toBeGreaterThan(500);
  const sending = await kept(true);
  // Some 600 ms beside ten seconds, and a busy machine adds to either.
  expect(sending).toBeGreaterThan(silent);
  expect(sending).toBeLessThan(60_000);
});

test('MAX_REQUESTS_PER_SOCKET: the last answer says close, and what is pipelined behind it never runs', async () => {
  const held = heldAnswers();
  const connect = await start({ handler: held.handler, limits: { maxRequestsPerSocket: 3 } });
  const client = await connect();
  expect((await client.send(get('/')).answer()).headers.get('connection')).toBe('keep-alive');
  client.send(get('/second') + get('/third') + get('/never'));
  await held.release('/second');
  expect((await client.answer()).headers.get('connection')).toBe('keep-alive');
  await held.release('/third');
  expect((await client.answer()).headers.get('connection')).toBe('close');
  await client.closed();
  expect(held.seen).toEqual(['/', '/second', '/third']);
});

test('MAX_CONNECTIONS: one more is refused, and has room when another has left', async () => {
  const connect = await start({ limits: { maxConnections: 2 } });
  const [first, second] = [await connect(), await connect()];
  await first.send(get('/')).answer();
  await second.send(get('/')).answer();
  const third = await connect();
  const refusal = await third.answer();
  expect(refusal.status).toBe(503);
  expect(refusal.headers.get('retry-after')).toBe('1');
  await third.closed();
  expect((await first.send(get('/')).answer()).status).toBe(200);
  first.destroy();
  for (;;) {
    const fourth = await connect();
    if ((await fourth.send(get('/')).answer()).status === 200) break;
  }
});
