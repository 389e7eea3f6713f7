// The one warning that a proxy stands in front and is not trusted: from the whole cluster, for its whole life.
import { expect, it } from 'vitest';
import { type Cluster, startCluster } from '../../support/cluster.js';
import { RawClient } from '../../support/raw-client.js';
import { head } from '../../support/wire.js';

const isWarning = ({ msg }: Readonly<Record<string, unknown>>): boolean =>
  String(msg).includes('TRUST_PROXY');

/** Asks over new connections until every server process that is there has had a request through a proxy. */
async function reachAll(cluster: Cluster): Promise<void> {
  const missing = new Set(cluster.serverPids());
  while (missing.size > 0) {
    const client = await RawClient.connect(cluster.port);
    const { body } = await client.send(head('GET /', 'X-Forwarded-For: 192.0.2.1')).answer();
    client.destroy();
    missing.delete(Number(/\d+$/.exec(body)?.[0]));
  }
}

it('is given once, by all server processes and those that a reload starts together', async () => {
  await using cluster = await startCluster();
  await reachAll(cluster);
  await cluster.waitForLine(isWarning);
  cluster.signal('SIGHUP');
  await cluster.waitForLine(({ msg }) => msg === 'reload completed');
  await expect.poll(() => cluster.serverPids().length).toBe(2);
  await reachAll(cluster);
  expect(await cluster.stop()).toBe(0);
  expect(cluster.lines.filter(isWarning)).toHaveLength(1);
});

it('is not given where TRUST_PROXY says that none is to be trusted', async () => {
  await using cluster = await startCluster({ env: { TRUST_PROXY: '0' } });
  await reachAll(cluster);
  expect(await cluster.stop()).toBe(0);
  expect(cluster.lines.filter(isWarning)).toEqual([]);
});
