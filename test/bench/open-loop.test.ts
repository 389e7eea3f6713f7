// The open loop counts from the timetable: a server that stops for a while must show in the latencies.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { load } from '../../bench/load/load.js';

test('requests that were due while the server stood still count with the time they waited', async () => {
  const stallMs = 400;
  let stalled = false;
  const server = createServer((_req, res) => {
    if (!stalled) {
      stalled = true;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, stallMs);
    }
    res.end('hello');
  });
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const result = await load('openLoop', {
    target: { host: '127.0.0.1', port },
    request: { path: '/' },
    expected: { equals: 'hello' },
    perSecond: 100,
    warmMs: 0,
    durationMs: 600,
    probe: false,
  });
  expect(result.failed).toBe(0);
  expect(result.unanswered).toBe(0);
  // All of some 40 that were due meanwhile, not only the one that was first.
  expect(result.accepted.count).toBeGreaterThan(30);
  expect(result.accepted.p50).toBeGreaterThan(50);
});

test('a wrong answer fails the load', async () => {
  let answered = () => {};
  const stopped = new Promise<void>((resolve) => {
    answered = resolve;
  });
  const server = createServer((_req, res) => res.end('good bye', () => answered()));
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const job = {
    target: { host: '127.0.0.1', port },
    request: { path: '/' },
    expected: { equals: 'hello' },
    clients: 1,
    warmMs: 0,
    durationMs: 120_000,
  };
  await expect(load('closedLoop', job, stopped)).rejects.toThrow('wrong answers');
});
