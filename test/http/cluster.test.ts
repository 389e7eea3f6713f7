// The same table against the real thing: primary, server processes, round robin.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../support/cluster.js';
import { meets } from './meets.js';
import { table } from './request-table.js';

let cluster: Cluster;
let pids: number[];

beforeAll(async () => {
  cluster = await startCluster({ env: { WORKERS: '2', PORT: '0', ADMIN_PORT: 'off' } });
  pids = cluster.serverPids();
});
afterAll(() => cluster.dispose());

test.each(table)('$title', async (row) => {
  await meets(cluster.port, row);
});

test('no server process was lost over it', () => {
  expect(cluster.serverPids()).toEqual(pids);
});
