import { describe, expect, it } from 'vitest';
import type { ServerStatus } from '#src/messages.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { canLimitTasks, limitTasks } from '../support/task-limit.js';

const native = new URL('../fixtures/native', import.meta.url).pathname;

if (!canLimitTasks)
  console.log(
    'skipped: a limit on threads and processes takes a control group, which this user may not make',
  );

interface Status {
  readonly servers: readonly ServerStatus[];
}

async function threadsOf({ adminUrl }: Cluster): Promise<ServerStatus['threads'] | undefined> {
  const status = (await (await fetch(new URL('/status', adminUrl))).json()) as Status;
  return status.servers.at(-1)?.threads;
}

async function wait({ url }: Cluster, ms: number, more: Record<string, string> = {}): Promise<number> {
  const body = JSON.stringify({ how: 'timer', ms });
  const headers = { 'content-type': 'application/json', ...more };
  const answer = await fetch(`${url}/linger`, { method: 'POST', body, headers });
  await answer.arrayBuffer();
  return answer.status;
}

function told(cluster: Cluster, begin: string): number {
  return cluster.lines.filter(({ msg }) => String(msg).startsWith(begin)).length;
}

describe.runIf(canLimitTasks)('where the system has no room', () => {
  it('for another thread, those that there are go on, and others come once it has', async () => {
    await using cluster = await startCluster({
      env: { TASKS_DIR: native, WORKERS: '1', POOL_MIN_THREADS: '1', POOL_MAX_THREADS: '3', POOL_NICE: '0' },
    });
    const limit = limitTasks(Number(cluster.serverPids()[0]));
    limit.full();
    const all = (count: number): Promise<number[]> =>
      Promise.all(Array.from({ length: count }, () => wait(cluster, 20)));
    expect([...new Set(await all(30))]).toEqual([200]);
    await expect.poll(() => threadsOf(cluster)).toMatchObject({ max: 1 });
    expect([...new Set(await all(30))].filter((status) => status !== 200 && status !== 503)).toEqual([]);
    expect(told(cluster, 'no further thread can be started')).toBe(1);
    // A job takes the only thread, which then serves calls as well.
    const job = await wait(cluster, 20, { prefer: 'respond-async' });
    expect(job).toBe(202);
    expect([...new Set(await all(30))].filter((status) => status !== 200 && status !== 503)).toEqual([]);
    expect(await wait(cluster, 20)).toBe(200);
    await expect.poll(() => threadsOf(cluster)).toMatchObject({ max: 1 });
    limit.lift();
    await cluster.waitForLine(({ msg }) => msg === 'threads can be started again');
    await expect.poll(() => threadsOf(cluster)).toMatchObject({ max: 3 });
    expect([...new Set(await all(9))]).toEqual([200]);
    expect(told(cluster, 'server process exited')).toBe(0);
  });

  it('for another process, the others serve on, and it is forked once there is room', async () => {
    await using cluster = await startCluster({ env: { TASKS_DIR: native, WORKERS: '2' } });
    const limit = limitTasks(cluster.pid);
    limit.full();
    const [victim, other] = cluster.serverPids();
    process.kill(Number(victim), 'SIGKILL');
    await cluster.waitForLine(({ msg }) => String(msg).startsWith('a server process could not be forked'));
    for (let turn = 0; turn < 20; turn++) expect(await wait(cluster, 50)).toBe(200);
    expect(cluster.serverPids()).toEqual([other]);
    expect(told(cluster, 'a server process could not be forked')).toBe(1);
    const before = told(cluster, 'server process ready');
    limit.lift();
    await expect.poll(() => told(cluster, 'server process ready')).toBe(before + 1);
    expect(await cluster.stop()).toBe(0);
  });
});
