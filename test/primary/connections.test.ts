// Connections that come while nobody can take them: at a stop, without descriptors, without server processes.
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type Cluster, type LogLine, startCluster } from '../support/cluster.js';
import { type OneShot, oneShot } from '../support/one-shot.js';
import { RawClient } from '../support/raw-client.js';
import { answering, taskFolder } from '../support/task-folder.js';

/** util-linux's `prlimit` changes a limit of a running process. */
const canLimit = spawnSync('prlimit', ['--version']).status === 0;

const taken = 'new connections are taken again';
const noDescriptor =
  'a server process cannot receive new connections: it has no free file descriptor (ulimit -n)';

function logged({ lines }: Cluster, message: string): number {
  return lines.filter(({ msg }) => msg === message).length;
}

/** Connects so often, and says nothing. Resolves when each is connected or was closed. */
async function idle(port: number, count: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => connect({ port, host: '127.0.0.1' }));
  await Promise.all(
    sockets.map((socket) => {
      socket.on('error', () => {});
      return Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => undefined);
    }),
  );
  return sockets;
}

async function ready(prober: RawClient): Promise<number> {
  return (await prober.send('GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n').answer()).status;
}

async function answeredAll(port: number, count: number): Promise<void> {
  const outcomes = await Promise.all(Array.from({ length: count }, () => oneShot(port)));
  expect(outcomes).toEqual(outcomes.map(() => 200));
}

describe('a stop', () => {
  it.each([
    ['1', 'rr'],
    ['2', 'rr'],
    ['1', 'none'],
    ['2', 'none'],
  ])(
    'of %s server processes (%s) answers all who were connected, while 64 clients connect for each request',
    async (workers, policy) => {
      await using cluster = await startCluster({
        env: { WORKERS: workers, NODE_CLUSTER_SCHED_POLICY: policy },
      });
      const outcomes = new Map<OneShot, number>();
      const count = (outcome: OneShot) => outcomes.get(outcome) ?? 0;
      const clients = Array.from({ length: 64 }, async () => {
        let outcome: OneShot;
        do {
          outcome = await oneShot(cluster.port);
          outcomes.set(outcome, count(outcome) + 1);
        } while (outcome !== 'refused');
      });
      while (count(200) < 500) await sleep(10);
      expect(await cluster.stop()).toBe(0);
      await Promise.all(clients);
      expect([...outcomes.keys()].filter((outcome) => !['lost', 'refused', 200].includes(outcome))).toEqual(
        [],
      );
      // The kernel completes a connection at any moment: also between the last accept and the close, where a busy machine
      // may take the core away. Who stands in the backlog at a stop is most of the clients.
      expect(count('lost')).toBeLessThanOrEqual(16);
      expect(count('refused')).toBe(64);
    },
  );
});

describe('while all server processes are gone', () => {
  it.each(['1', '2'])('(%s) who connects waits, and is answered by the replacement', async (workers) => {
    await using cluster = await startCluster({
      env: { WORKERS: workers, HEADERS_TIMEOUT_MS: '60000', REQUEST_TIMEOUT_MS: '60000' },
    });
    const pids = cluster.serverPids();
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    const outcomes: Promise<OneShot>[] = [];
    const isWhole = cluster.waitForLine(
      ({ msg, serverPid }) => msg === 'server process ready' && !pids.includes(Number(serverPid)),
    );
    let whole = false;
    void isWhole.then(() => {
      whole = true;
    });
    while (!whole) {
      outcomes.push(oneShot(cluster.port));
      await sleep(5);
    }
    expect(outcomes.length).toBeGreaterThan(2);
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set([200]));
    expect(await cluster.stop()).toBe(0);
  });

  it('during the back-off too: after HEADERS_TIMEOUT_MS they are closed, and a stop waits for none', async () => {
    using tasks = taskFolder();
    tasks.write('mine', answering('old'));
    await using cluster = await startCluster({
      env: { WORKERS: '2', TASKS_DIR: tasks.path, HEADERS_TIMEOUT_MS: '8000' },
      timings: { respawnFirstMs: 60_000, respawnMaxMs: 60_000, mostWaiting: 3 },
    });
    tasks.write('mine', 'process.exit(4);');
    for (const pid of cluster.serverPids()) process.kill(pid, 'SIGKILL');
    await cluster.waitForLine(({ msg }) => msg === 'backing off before the next fork');
    const prober = await RawClient.connect(cluster.port);
    const waiting = await idle(cluster.port, 2);
    // One more than may wait: closed, not refused.
    expect(await oneShot(cluster.port)).toBe('lost');
    const sinceMs = performance.now();
    await Promise.all(waiting.map((socket) => once(socket, 'close')));
    await prober.closed();
    expect(performance.now() - sinceMs).toBeGreaterThan(1_000);
    expect(
      cluster.lines.filter(({ msg }) => String(msg).startsWith('new connections are closed')),
    ).toHaveLength(2);
    expect(await cluster.waitForLine(({ msg }) => msg === taken)).toMatchObject({ closed: 4 });
    const last = oneShot(cluster.port);
    expect(await cluster.stop()).toBe(0);
    expect(['lost', 'refused']).toContain(await last);
  });
});

describe.skipIf(!canLimit)('a lack of descriptors (where there is prlimit)', () => {
  it('in all processes, by 600 idle connections: who comes then waits or is closed; afterwards all is as before', async () => {
    await using cluster = await startCluster({
      openFiles: 256,
      // None of the crowd leaves before it is told to, however long it takes to come.
      env: { HEADERS_TIMEOUT_MS: '200000', REQUEST_TIMEOUT_MS: '200000', KEEP_ALIVE_TIMEOUT_MS: '200000' },
    });
    const prober = await RawClient.connect(cluster.port);
    const isOfAllShort = ({ msg, readiness }: LogLine) =>
      msg === 'readiness changed' && readiness === 'unavailable';
    const allShort = cluster.waitForLine(isOfAllShort);
    const crowd: Socket[] = [];
    // On a busy machine one process may take most of them; then further ones are needed until the other is short, too.
    while (crowd.length < 600 || !cluster.lines.some(isOfAllShort)) {
      const some = await idle(cluster.port, 20);
      crowd.push(...some);
      // No faster than they are taken: the last one would be answered.
      some.at(-1)?.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      const heard = some.flatMap((socket) => [once(socket, 'data'), once(socket, 'close')]);
      await Promise.race([allShort, ...heard]).catch(() => undefined);
    }
    expect(cluster.lines.find(({ msg }) => msg === noDescriptor)).toMatchObject({ level: 40 });
    // The process of this connection hears of it a moment later.
    while ((await ready(prober)) !== 503) await sleep(20);
    const patient = oneShot(cluster.port);
    const before = logged(cluster, taken);
    for (const socket of crowd) socket.destroy();
    await cluster.waitForLine(() => logged(cluster, taken) > before);
    expect([200, 'lost']).toContain(await patient);
    await answeredAll(cluster.port, 64);
    while ((await ready(prober)) !== 200) await sleep(20);
    expect(logged(cluster, noDescriptor)).toBe(1);
    expect(cluster.serverPids()).toHaveLength(2);
    expect(await cluster.stop()).toBe(0);
  });

  it('in a process, by a task that opens files for a while: nobody is lost, also where it is the only one', async () => {
    using tasks = taskFolder();
    tasks.write(
      'greedy',
      `import { closeSync, openSync } from 'node:fs';
       import { z } from 'zod';
       export default {
         input: z.strictObject({}),
         query: true,
         cost: () => 4_000_000,
         run: () => {
           const files = [];
           const endMs = Date.now() + 4_000;
           while (Date.now() < endMs) try { files.push(openSync('/dev/null')); } catch {}
           for (const file of files) closeSync(file);
           return files.length;
         },
       };`,
    );
    await using cluster = await startCluster({
      env: { WORKERS: '1', TASKS_DIR: tasks.path },
      openFiles: 256,
    });
    const greedy = oneShot(cluster.port, '/greedy');
    const others: Promise<OneShot>[] = [];
    let isOver = false;
    void greedy.then(() => {
      isOver = true;
    });
    while (!isOver || logged(cluster, noDescriptor) === 0) {
      others.push(oneShot(cluster.port));
      await sleep(50);
    }
    expect(await greedy).toBe(200);
    expect(new Set(await Promise.all(others))).toEqual(new Set([200]));
    await cluster.waitForLine(({ msg }) => msg === taken);
    await answeredAll(cluster.port, 16);
    expect(await cluster.stop()).toBe(0);
  });

  it('in the primary, by idle connections to the admin server: both ports serve again afterwards', async () => {
    await using cluster = await startCluster({ env: { WORKERS: '1' }, openFiles: 128 });
    const admin = Number(new URL(cluster.adminUrl).port);
    const crowd = await idle(admin, 300);
    const others = await Promise.all(Array.from({ length: 8 }, () => oneShot(cluster.port)));
    // Some may have been closed: no descriptor was there to accept them with.
    expect(others.filter((outcome) => outcome !== 'lost' && outcome !== 200)).toEqual([]);
    for (const socket of crowd) socket.destroy();
    while ((await oneShot(cluster.port)) !== 200) await sleep(20);
    await answeredAll(cluster.port, 16);
    expect((await fetch(`${cluster.adminUrl}/status`)).status).toBe(200);
    expect(await cluster.stop()).toBe(0);
  });
});
