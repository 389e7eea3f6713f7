// What the growth scenario stands on: a load of many connections, and when a cost is called worse than linear.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { crowd } from '../../bench/load/crowd.js';
import { cellText } from '../../bench/report/table.js';
import { growth } from '../../bench/scenarios/growth.js';

const isLinux = process.platform === 'linux';
const light = { requests: [{ path: '/' }], expected: { equals: 'light' }, inFlight: 2 };

test.runIf(isLinux)('many connections take turns with few requests in flight', async () => {
  const asked = new Map<Socket, number>();
  const port = await listen((socket) => asked.set(socket, (asked.get(socket) ?? 0) + 1));
  const { phases, wrong } = await crowd({
    target: { host: '127.0.0.1', port },
    connections: 50,
    pids: [process.pid],
    phases: [{ name: 'light', ...light, warmRequests: 200 }],
    warmMs: 0,
    durationMs: 1,
  });
  expect(wrong).toBe(0);
  expect(phases.light?.answered).toBeGreaterThanOrEqual(500);
  expect(asked.size).toBe(50);
  // The ten that came first were asked some times before the others were there.
  expect(Math.min(...asked.values())).toBeGreaterThanOrEqual(10);
});

test.runIf(isLinux)('an answer with another status than expected ends it', async () => {
  const port = await listen(() => undefined);
  const refused = { ...light, expected: { status: 503 } };
  const crowded = crowd({
    target: { host: '127.0.0.1', port },
    connections: 10,
    pids: [process.pid],
    phases: [{ name: 'refused', ...refused }],
    warmMs: 0,
    durationMs: 1,
  });
  await expect(crowded).rejects.toThrow('status 200');
});

test.each([
  { costs: [10, 11, 12], verdict: 'n^1.03: not worse than linear' },
  { costs: [10, 1_000, 10_000], verdict: 'n^2.00: **worse than linear**' },
])('a cost of one that goes from 10 to the last of $costs is told as $verdict', ({ costs, verdict }) => {
  const variants = Object.fromEntries(
    [10, 1_000, 10_000].map((size, place) => [
      `connections-${size}`,
      { label: '', values: { lightUs: [costs[place] ?? Number.NaN] } },
    ]),
  );
  const { rows } = growth.table({ settings: {}, variants });
  expect(rows[2]?.map(cellText).at(-1)).toBe(verdict);
});

async function listen(onRequest: (socket: Socket) => void): Promise<number> {
  const server = createServer((req, res) => {
    onRequest(req.socket);
    res.setHeader('Content-Length', 5).end('light');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
