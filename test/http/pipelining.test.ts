import { afterEach, beforeEach, expect, test } from 'vitest';
import { type HeldAnswers, heldAnswers } from '../support/held-answers.js';
import { startHttpServer, type TestServer } from '../support/http-server.js';
import { RawClient } from '../support/raw-client.js';

let held: HeldAnswers;
let server: TestServer;
let client: RawClient;

beforeEach(async () => {
  held = heldAnswers();
  server = await startHttpServer({ handler: held.handler });
  client = await RawClient.connect(server.port);
});
afterEach(async () => {
  client.destroy();
  await server.close();
});

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

test('garbage behind a pending request does not touch its answer, which is then the last', async () => {
  client.send(`${get('/slow')}\0garbage\r\n\r\n`);
  await held.release('/slow');
  const answer = await client.answer();
  expect(answer).toMatchObject({ status: 200, body: '/slow' });
  expect(answer.headers.get('connection')).toBe('close');
  await client.closed();
  expect(client.unread).toBe('');
});

test('of several pending answers only the last says close, whatever order they are ready in', async () => {
  client.send(`${get('/a')}${get('/b')}${get('/c')}GET / HTTP/7\r\n\r\n${get('/never')}`);
  for (const path of ['/c', '/a', '/b']) await held.release(path);
  const answers = [await client.answer(), await client.answer(), await client.answer()];
  expect(answers.map(({ body }) => body)).toEqual(['/a', '/b', '/c']);
  expect(answers.map(({ headers }) => headers.get('connection'))).toEqual([
    'keep-alive',
    'keep-alive',
    'close',
  ]);
  await client.closed();
  expect(client.unread).toBe('');
  expect(held.seen).toEqual(['/a', '/b', '/c']);
});

test('an unsound request behind a pending one is dropped, and so is what is behind it', async () => {
  client.send(`${get('/slow')}GET /x HTTP/1.1\r\n\r\n${get('/never')}`);
  await held.release('/slow');
  const answer = await client.answer();
  expect(answer).toMatchObject({ status: 200, body: '/slow' });
  expect(answer.headers.get('connection')).toBe('close');
  await client.closed();
  expect(client.unread).toBe('');
  expect(held.seen).toEqual(['/slow']);
});

test('garbage behind an answer that is on its way does not add another one to it', async () => {
  client.send(get('/slow'));
  const answer = await held.arrived('/slow');
  answer.setHeader('Content-Length', 5);
  answer.flushHeaders();
  client.send('garbage\r\n\r\n');
  // It has been read: a later connection was served.
  const other = await RawClient.connect(server.port);
  await other.send(get('/')).answer();
  other.destroy();
  answer.end('/slow');
  expect(await client.answer()).toMatchObject({ status: 200, body: '/slow' });
  await client.closed();
  expect(client.unread).toBe('');
});

test('a body that turns out to be malformed when its request was answered gets no second answer', async () => {
  client.send('POST /answered HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
  await held.release('/answered');
  expect(await client.answer()).toMatchObject({ status: 200, body: '/answered' });
  client.send('zz\r\n');
  await client.closed();
  expect(client.unread).toBe('');
});

test('a body that turns out to be malformed is refused in place of its answer', async () => {
  client.send(
    `${get('/slow')}POST /upload HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\nTransfer-Encoding: chunked\r\n\r\n`,
  );
  await held.arrived('/upload');
  client.send('zz\r\n');
  await held.release('/slow');
  expect(await client.answer()).toMatchObject({ status: 200, body: '/slow' });
  const refusal = await client.answer();
  expect(refusal.status).toBe(400);
  expect(refusal.headers.get('x-request-id')).toBe('mine');
  await client.closed();
});

test('an answer that says close of its own is the last, although more requests have arrived', async () => {
  client.send(get('/slow'));
  const answer = await held.arrived('/slow');
  answer.setHeader('Connection', 'close');
  answer.flushHeaders();
  client.send(get('/never'));
  client.send(get('/never'));
  await held.release('/slow').catch(() => answer.end());
  await client.closed();
  expect(held.seen).toEqual(['/slow']);
});

test('a client that ends its side within a request is told', async () => {
  client.send('GET / HTTP/1.1\r\nHost: a\r\n');
  client.socket.end();
  expect((await client.answer()).status).toBe(400);
  await client.closed();
});

test('CONNECT behind a pending request: the pending answer arrives, then the connection ends', async () => {
  client.send(`${get('/slow')}CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n${get('/never')}`);
  await held.release('/slow');
  expect(await client.answer()).toMatchObject({ status: 200, body: '/slow' });
  await client.closed();
  expect(held.seen).toEqual(['/slow']);
});

test('an early answer reaches a client that is still sending', async () => {
  const uploadBytes = 32 * 1_024 * 1_024;
  client.send(`POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: ${uploadBytes}\r\n\r\n`);
  for (let i = 0; i < uploadBytes; i += 1_048_576) client.send(Buffer.alloc(1_048_576, 'x'));
  const early = await held.arrived('/early');
  early.shouldKeepAlive = false;
  await held.release('/early');
  expect(await client.answer()).toMatchObject({ status: 200, body: '/early' });
  await client.closed();
});

test('of a thousand requests at once a connection gets its share, and the rest never runs', async () => {
  const paths = Array.from({ length: 1_000 }, (_, i) => `/${i}`);
  client.send(paths.map(get).join(''));
  await held.arrived('/127');
  // All of it has been read: a later connection was served.
  const other = await RawClient.connect(server.port);
  await other.send(get('/')).answer();
  other.destroy();
  expect(held.seen.filter((path) => path !== '/')).toEqual(paths.slice(0, 128));
  for (const path of paths.slice(0, 128)) await held.release(path);
  for (let i = 0; i < 127; i++) expect((await client.answer()).headers.get('connection')).toBe('keep-alive');
  expect((await client.answer()).headers.get('connection')).toBe('close');
  await client.closed();
  expect(client.unread).toBe('');
});

test('a client that waits for its answers may go on for as long as it likes', async () => {
  for (let i = 0; i < 300; i++) {
    client.send(get('/') + get('/'));
    expect((await client.answer()).headers.get('connection')).toBe('keep-alive');
    expect((await client.answer()).headers.get('connection')).toBe('keep-alive');
  }
});
