// Five thousand clients that cost their sender nothing and a careless server a connection each: the real cluster ends
// them all in time, and answers everybody else meanwhile.
import { execFileSync } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { type Cluster, startCluster } from '../support/cluster.js';
import { RawClient } from '../support/raw-client.js';
import { head } from '../support/wire.js';

const limitMs = 6_000;
const env = {
  WORKERS: '2',
  HEADERS_TIMEOUT_MS: String(limitMs),
  REQUEST_TIMEOUT_MS: String(limitMs),
  KEEP_ALIVE_TIMEOUT_MS: String(limitMs),
  SEND_TIMEOUT_MS: String(limitMs),
};
/** The limit, a second until it is looked at, and what a busy machine adds. */
const inTimeMs = 60_000;

interface Kind {
  readonly count: number;
  readonly opening: string;
  /** Sent again and again. */
  readonly drop: string;
}
const kinds: readonly Kind[] = [
  { count: 1_650, opening: 'GET / HTTP/1.1\r\n', drop: 'X: y\r\n' },
  { count: 1_650, opening: 'POST /io/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n', drop: 'x' },
  { count: 1_650, opening: '', drop: '' },
];
/** The kernel takes up to 4 MB for each of these, so they are few; they ask for three times as much. */
const neverReading = 50;
const unreadAnswers = 8;
const openFiles = 5_500;

interface Slow {
  readonly socket: Socket;
  /** Resolves once the server has ended it, with how long it was there. */
  readonly endedMs: Promise<number>;
}

/** Opened a few at a time: all at once would be a test of the kernel. */
async function open(port: number, count: number, begin: (socket: Socket) => void): Promise<Slow[]> {
  const all: Slow[] = [];
  onTestFinished(() => {
    for (const { socket } of all) socket.destroy();
  });
  const atOnce = 50;
  while (all.length < count) {
    const some = Array.from({ length: Math.min(atOnce, count - all.length) }, () => dial(port));
    all.push(...some);
    for (const { socket } of some) begin(socket);
    await Promise.all(some.map(({ socket, endedMs }) => Promise.race([opened(socket), endedMs])));
  }
  return all;
}

function dial(port: number): Slow {
  const startedMs = performance.now();
  const socket = connect(port, '127.0.0.1');
  // A reset is an end like any other here.
  socket.on('error', () => undefined);
  const endedMs = new Promise<number>((resolve) => {
    socket.once('close', () => resolve(performance.now() - startedMs));
  });
  return { socket, endedMs };
}

const opened = (socket: Socket) => new Promise((resolve) => socket.once('connect', resolve));

/** Resolves with the longest time that one of them was there. */
async function crawl(port: number, { count, opening, drop }: Kind): Promise<number> {
  const slow = await open(port, count, (socket) => socket.resume().write(opening));
  const trickle = setInterval(() => {
    for (const { socket } of slow) if (drop !== '' && socket.writable) socket.write(drop);
  }, 500);
  try {
    return Math.max(...(await Promise.all(slow.map(({ endedMs }) => endedMs))));
  } finally {
    clearInterval(trickle);
  }
}

/**
 * Resolves with the most bytes that one of them got: who is not ended by then gets all that was asked for.
 * @param path of something large
 */
async function neverRead(port: number, path: string, until: Promise<unknown>): Promise<number> {
  const asked = head(`GET ${path}`).repeat(unreadAnswers);
  const slow = await open(port, neverReading, (socket) => socket.pause().write(asked));
  // Nothing tells a client that does not read that its connection has ended.
  await until;
  await new Promise((resolve) => setTimeout(resolve, 4 * limitMs));
  for (const { socket } of slow) socket.resume();
  await Promise.all(slow.map(({ endedMs }) => endedMs));
  return Math.max(...slow.map(({ socket }) => socket.bytesRead));
}

/** Of the docs page: the script that it loads. */
async function largestFile({ url }: Cluster): Promise<{ path: string; bytes: number }> {
  const page = await (await fetch(`${url}/docs`)).text();
  const path = `/${/docs\/[\d.]+\/swagger-ui-bundle\.js/.exec(page)?.[0]}`;
  const bytes = (await (await fetch(url + path)).arrayBuffer()).byteLength;
  expect(bytes).toBeGreaterThan(1_000_000);
  return { path, bytes };
}

/** Asks until told to stop, in turn on a kept connection and on a new one. Resolves with how long each took. */
async function probe(cluster: Cluster, going: () => boolean): Promise<number[]> {
  const tookMs: number[] = [];
  let kept = await RawClient.connect(cluster.port);
  while (going()) {
    const startedMs = performance.now();
    const client = tookMs.length % 2 === 0 ? kept : await RawClient.connect(cluster.port);
    const { status } = await client.send(head('GET /')).answer();
    expect(status).toBe(200);
    tookMs.push(performance.now() - startedMs);
    if (client !== kept) {
      kept.destroy();
      kept = client;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  kept.destroy();
  return tookMs;
}

test('5,000 slow clients of all kinds are ended in time while others are served', async (context) => {
  // Node raises the soft limit to this by itself.
  const mostFiles = execFileSync('/bin/sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).trim();
  if (mostFiles !== 'unlimited' && Number(mostFiles) < openFiles) {
    const reason = `needs ${openFiles} open files, and may have ${mostFiles} (ulimit -Hn)`;
    console.warn(`slow clients: skipped, ${reason}`);
    context.skip(reason);
  }
  await using cluster = await startCluster({ env });
  const pids = cluster.serverPids();
  const large = await largestFile(cluster);
  let going = true;
  const crawling = Promise.all(kinds.map((kind) => crawl(cluster.port, kind)));
  const reading = neverRead(cluster.port, large.path, crawling).finally(() => {
    going = false;
  });
  const [longestMs, mostBytes, tookMs] = await Promise.all([crawling, reading, probe(cluster, () => going)]);

  expect(Math.max(...longestMs)).toBeLessThan(inTimeMs);
  expect(mostBytes).toBeLessThan(unreadAnswers * large.bytes);
  expect(tookMs.length).toBeGreaterThan(20);
  expect(Math.max(...tookMs)).toBeLessThan(inTimeMs);
  expect(cluster.serverPids()).toEqual(pids);
  expect(await cluster.stop()).toBe(0);
});
