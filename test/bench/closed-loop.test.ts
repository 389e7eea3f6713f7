// The closed loop tells of what it never got, too.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { load } from '../../bench/load/load.js';

test('a request that has no answer when the time is over counts with the age it has reached', async () => {
  const server = createServer(() => undefined);
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { answered, lost, latency } = await load('closedLoop', {
    target: { host: '127.0.0.1', port },
    request: { path: '/' },
    expected: { equals: 'hello' },
    clients: 1,
    warmMs: 0,
    durationMs: 5_000,
  });
  expect({ answered, lost, count: latency.count }).toEqual({ answered: 0, lost: 0, count: 1 });
  expect(latency.max).toBeGreaterThan(2_500);
});
