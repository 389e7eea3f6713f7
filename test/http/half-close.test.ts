// A client that ends its side behind a request, and still reads.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type HeldAnswers, heldAnswers } from '../support/held-answers.js';
import { answer, echo, startHttpServer, type TestServer } from '../support/http-server.js';

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

interface HalfClosed {
  readonly socket: Socket;
  /** All that the server sent, once it has ended its side as well. */
  readonly received: Promise<string>;
}

/** Sends it, ends its side, and goes on reading. */
async function halfClose(port: number, bytes: string | Buffer): Promise<HalfClosed> {
  const socket = connect({ port, allowHalfOpen: true });
  await once(socket, 'connect');
  const received = new Promise<string>((resolve) => {
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    socket
      .once('error', () => undefined)
      .once('end', () => resolve(text))
      .once('close', () => resolve(text));
  });
  socket.end(bytes);
  return { socket, received };
}

const statuses = (text: string) =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status));

let held: HeldAnswers;
let server: TestServer;

async function start(options: Parameters<typeof startHttpServer>[0] = {}): Promise<void> {
  await server?.close();
  server = await startHttpServer({ handler: held.handler, ...options });
}

/** The server has seen the end of the client's side. */
async function endSeen(): Promise<void> {
  const ended = () => [...server.http.connections].every(({ isHalfClosed }) => isHalfClosed);
  while (!ended()) await new Promise((resolve) => setTimeout(resolve, 1));
}

const gone = () => expect.poll(() => server.http.connections.size).toBe(0);

beforeEach(async () => {
  held = heldAnswers();
  await start();
});
afterEach(() => server.close());

describe('a client that ends its side behind a whole request', () => {
  test('is answered at once, and then the connection ends', async () => {
    const { received } = await halfClose(server.port, get('/'));
    expect(await received).toMatch(/^HTTP\/1\.1 200 .*\r\n\r\n\/$/s);
    await gone();
  });

  test('is answered when the answer is there, which is the last one', async () => {
    const { received } = await halfClose(server.port, get('/slow'));
    await held.arrived('/slow');
    await endSeen();
    await held.release('/slow');
    expect(await received).toMatch(/^HTTP\/1\.1 200 .*\r\nConnection: close\r\n(.*\r\n)?\r\n\/slow$/s);
    await gone();
  });

  test('gets all that it asked for, in order', async () => {
    const { received } = await halfClose(server.port, get('/a') + get('/b') + get('/c'));
    await held.arrived('/c');
    await endSeen();
    for (const path of ['/c', '/a', '/b']) await held.release(path);
    const text = await received;
    expect(statuses(text)).toEqual([200, 200, 200]);
    expect(text.match(/\/[abc]/g)).toEqual(['/a', '/b', '/c']);
    await gone();
  });

  test('gets a long answer whole that it reads slowly', async () => {
    const bytes = 8 * 1_048_576;
    await start({ handler: (_req, res) => answer(res, Buffer.alloc(bytes, 'x')) });
    const { socket, received } = await halfClose(server.port, get('/'));
    socket.pause();
    await endSeen();
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.resume();
    expect((await received).length).toBeGreaterThan(bytes);
    await gone();
  });

  test('has its body read', async () => {
    await start({ handler: echo });
    const body = 'x'.repeat(100_000);
    const { received } = await halfClose(
      server.port,
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    expect((await received).endsWith(`\r\n\r\n${body}`)).toBe(true);
    await gone();
  });
});

describe('a client that ends its side', () => {
  test('between two requests is let go', async () => {
    const { received } = await halfClose(server.port, '');
    expect(await received).toBe('');
    await gone();
  });

  test('within a request’s head is told, and gets the answers in front of it first', async () => {
    const alone = await halfClose(server.port, 'GET / HTTP/1.1\r\nHo');
    expect(statuses(await alone.received)).toEqual([400]);
    const { received } = await halfClose(server.port, `${get('/slow')}GET /x HT`);
    await held.arrived('/slow');
    await endSeen();
    await held.release('/slow');
    expect(statuses(await received)).toEqual([200]);
    await gone();
  });

  test('within a body has left, and gets the answers in front of it first', async () => {
    const upload = 'POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc';
    const { received } = await halfClose(server.port, get('/slow') + upload);
    await held.arrived('/upload');
    await endSeen();
    await held.release('/slow');
    expect(statuses(await received)).toEqual([200]);
    await gone();
    expect(await held.ended('/upload')).toBe(false);
  });

  test('behind more than a connection may ask for gets its share', async () => {
    const paths = Array.from({ length: 200 }, (_, i) => `/${i}`);
    const { received } = await halfClose(server.port, paths.map(get).join(''));
    await held.arrived('/127');
    for (const path of paths.slice(0, 128)) await held.release(path);
    expect(statuses(await received)).toHaveLength(128);
    await gone();
  });

  test('waits no longer than SEND_TIMEOUT_MS for an answer of which nothing comes', async () => {
    await start({ limits: { sendTimeoutMs: 100 } });
    const { received } = await halfClose(server.port, get('/never'));
    expect(await received).toBe('');
    expect(await held.ended('/never')).toBe(false);
  });

  test('and is gone altogether is noticed when it is written to', async () => {
    const { socket } = await halfClose(server.port, get('/stream'));
    const stream = await held.arrived('/stream');
    await endSeen();
    socket.destroy();
    const writing = setInterval(() => stream.write('x'), 5);
    expect(await held.ended('/stream')).toBe(false);
    clearInterval(writing);
  });
});
