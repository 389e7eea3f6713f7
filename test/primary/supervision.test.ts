import { execFile, spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { readCores, threadsPerProcess } from '#src/core-budget.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { answering, taskFolder } from '../support/task-folder.js';
import { startTraffic } from '../support/traffic.js';
import { serversOf, underway } from '../support/underway.js';

const faults = fileURLToPath(new URL('../fixtures/faults', import.meta.url));

const asks = [
  { method: 'GET', path: '/' },
  { method: 'POST', path: '/hash', body: '{"algorithm":"sha256","data":"abc"}' },
  { method: 'POST', path: '/compute', body: '{"operation":"primes","limit":20000}' },
] as const;

/** util-linux's `prlimit` changes a limit of a running process. */
const canLimit = spawnSync('prlimit', ['--version']).status === 0;

/** On a busy machine an event loop may be silent for a second, and that is not what most of this is about. */
function start(env: Record<string, string> = {}): Promise<Cluster> {
  return startCluster({
    env: { TASKS_DIR: faults, QUEUE_MAX_WAIT_MS: '60000', HEARTBEAT_TIMEOUT_MS: '60000', ...env },
  });
}

/** NODE_OPTIONS with which any process of the server throws on SIGUSR2. */
const throwsOnSignal = `--import=data:text/javascript,${encodeURIComponent(
  "process.on('SIGUSR2', () => { throw new Error('thrown on a signal'); });",
)}`;

/** Calls the faulty task; undefined where no answer came. */
async function fault(cluster: Cluster, how: string, ms = 0): Promise<number | undefined> {
  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ how, ms }),
  };
  return fetch(`${cluster.url}/fault`, init).then(
    (answer) => answer.status,
    () => undefined,
  );
}

/** Resolves once as many server processes as at the start are ready again. */
async function whole(cluster: Cluster, replaced: number): Promise<void> {
  await cluster.waitForLine(
    (line) =>
      line.msg === 'server process ready' &&
      cluster.lines.indexOf(line) === lastReady(cluster) &&
      count(cluster, 'server process ready') === 2 + replaced,
  );
}

/** The soft limit alone, so that it can be raised again. */
async function limitOpenFiles(pid: number, files: number): Promise<void> {
  await promisify(execFile)('prlimit', [`--pid=${pid}`, `--nofile=${files}:`]);
}

function lastReady({ lines }: Cluster): number {
  return lines.findLastIndex(({ msg }) => msg === 'server process ready');
}

function count({ lines }: Cluster, message: string): number {
  return lines.filter(({ msg }) => msg === message).length;
}

async function threadLimits({ adminUrl }: Cluster): Promise<number[]> {
  return (await serversOf(adminUrl)).map(({ threads }) => threads.max);
}

function exit(cluster: Cluster) {
  return cluster.waitForLine(({ msg }) => String(msg).startsWith('server process exited'));
}

it.each([
  ['SIGKILL', 'died'],
  ['SIGSTOP', 'heartbeat timeout'],
] as const)('a server process that gets %s is replaced: %s', async (signal, reason) => {
  await using cluster = await start({ HEARTBEAT_TIMEOUT_MS: signal === 'SIGSTOP' ? '6000' : '60000' });
  const [victim] = cluster.serverPids();
  process.kill(Number(victim), signal);
  expect(await exit(cluster)).toMatchObject({ serverPid: victim, signal: 'SIGKILL', reason });
  await whole(cluster, 1);
  expect(cluster.serverPids()).toHaveLength(2);
  expect(await cluster.stop()).toBe(0);
});

it('connections that a dead process had been given but not taken go to another one', async () => {
  await using cluster = await start({ HEARTBEAT_TIMEOUT_MS: '6000' });
  const [victim] = cluster.serverPids();
  // Stopped, it takes nothing; as soon as it is killed, others do.
  process.kill(Number(victim), 'SIGSTOP');
  const answers = Array.from({ length: 8 }, () => fetch(cluster.url, { headers: { connection: 'close' } }));
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(answers.map(() => 200));
});

it.each(['SIGKILL', 'abort'])(
  'by %s under load a process loses what it had in flight and no more, and is replaced at once',
  async (how) => {
    await using cluster = await start();
    const traffic = startTraffic(cluster.port, 18, asks);
    while (traffic.answered() < 500) await sleep(20);
    if (how === 'SIGKILL') process.kill(Number(cluster.serverPids()[0]), how);
    else expect(await fault(cluster, how)).toBeUndefined();
    await whole(cluster, 1);
    expect(count(cluster, 'backing off before the next fork')).toBe(0);
    const answered = traffic.answered();
    while (traffic.answered() < answered + 500) await sleep(20);
    const { losses } = await traffic.stop();
    // Each client has one request in flight.
    expect(Object.values(losses).reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(18);
    expect(Object.keys(losses).filter((how) => /^\d|TIMEOUT|REFUSED/.test(how))).toEqual([]);
    expect(await cluster.stop()).toBe(0);
  },
);

it('all of them killed at once are replaced at once', async () => {
  await using cluster = await start();
  for (const pid of cluster.serverPids()) process.kill(pid, 'SIGKILL');
  await whole(cluster, 2);
  expect(count(cluster, 'backing off before the next fork')).toBe(0);
  expect((await fetch(`${cluster.url}/readyz`)).status).toBe(200);
});

it('a wedged event loop is replaced after HEARTBEAT_TIMEOUT_MS', async () => {
  await using cluster = await start({ HEARTBEAT_TIMEOUT_MS: '6000' });
  const answer = fault(cluster, 'wedge');
  expect(await exit(cluster)).toMatchObject({ reason: 'heartbeat timeout' });
  expect(await answer).toBeUndefined();
  await whole(cluster, 1);
});

it('a thread that aborts takes its process along, and no other', async () => {
  await using cluster = await start();
  expect(await fault(cluster, 'abort')).toBeUndefined();
  expect(await exit(cluster)).toMatchObject({ signal: 'SIGABRT', reason: 'died' });
  await whole(cluster, 1);
  expect(await fault(cluster, 'hold')).toBe(200);
});

it.each(['throw', 'reject'])('an uncaught %s: logged, drained, replaced', async (how) => {
  await using cluster = await start({ WORKERS: '2' });
  const held = Array.from({ length: 6 }, () => fault(cluster, 'hold', 5_000));
  await underway(cluster.adminUrl, 6);
  // The very call that did it is answered too: the process drains.
  expect(await fault(cluster, how)).toBe(200);
  expect(await Promise.all(held)).toEqual(held.map(() => 200));
  // Its code, or a signal: where its threads take long to end, it does not wait for them.
  expect(await exit(cluster)).toMatchObject({ reason: 'uncaught exception', cut: 0 });
  expect(cluster.lines.find(({ msg }) => msg === 'uncaught exception: draining')).toMatchObject({
    level: 60,
    err: { message: expect.stringContaining('on the event loop') },
  });
  await whole(cluster, 1);
  expect(await cluster.stop()).toBe(0);
});

it('an uncaught exception in the primary: logged, drained, exit code 1', async () => {
  await using cluster = await start({ NODE_OPTIONS: throwsOnSignal });
  const held = fault(cluster, 'hold', 5_000);
  await underway(cluster.adminUrl, 1);
  cluster.signal('SIGUSR2');
  expect(await held).toBe(200);
  expect(await cluster.exited).toBe(1);
  expect(cluster.serverPids()).toEqual([]);
  expect(cluster.lines.find(({ level }) => level === 60)).toMatchObject({
    err: { message: 'thrown on a signal' },
  });
});

it('one during a stop: exit code 1 as well', async () => {
  await using cluster = await start({ NODE_OPTIONS: throwsOnSignal });
  const held = fault(cluster, 'hold', 10_000);
  await underway(cluster.adminUrl, 1);
  cluster.signal('SIGTERM');
  await cluster.waitForLine(({ msg }) => msg === 'draining');
  cluster.signal('SIGUSR2');
  expect(await held).toBe(200);
  expect(await cluster.exited).toBe(1);
});

it('an uncaught exception in the only server process loses nobody: it serves until its replacement does', async () => {
  await using cluster = await start({ WORKERS: '1' });
  let failed = false;
  const statuses = new Set<number | undefined>();
  while (count(cluster, 'server process ready') < 2) {
    statuses.add(await fault(cluster, failed ? 'hold' : 'throw'));
    failed = true;
  }
  for (let call = 0; call < 20; call++) statuses.add(await fault(cluster, 'hold'));
  expect([...statuses]).toEqual([200]);
  expect(await exit(cluster)).toMatchObject({ reason: 'uncaught exception', cut: 0 });
  // Ready all the time.
  expect(count(cluster, 'readiness changed')).toBe(1);
  expect(await cluster.stop()).toBe(0);
});

it('that one killed before its replacement serves: nobody does, until it does', async () => {
  using tasks = taskFolder();
  tasks.write('mine', answering('old'));
  await using cluster = await start({ WORKERS: '1', TASKS_DIR: tasks.path, NODE_OPTIONS: throwsOnSignal });
  tasks.write('mine', 'process.exit(4);');
  const [only] = cluster.serverPids();
  process.kill(Number(only), 'SIGUSR2');
  await cluster.waitForLine(({ msg, deaths }) => msg === 'backing off before the next fork' && deaths === 2);
  expect((await fetch(`${cluster.url}/readyz`)).status).toBe(200);
  expect(count(cluster, 'readiness changed')).toBe(1);
  process.kill(Number(only), 'SIGKILL');
  await cluster.waitForLine(
    ({ msg, readiness }) => msg === 'readiness changed' && readiness === 'unavailable',
  );
  tasks.write('mine', answering('new'));
  await cluster.waitForLine(
    ({ msg, readiness }) =>
      msg === 'readiness changed' && readiness === 'ok' && count(cluster, 'readiness changed') === 3,
  );
  expect(await cluster.stop()).toBe(0);
});

it('server processes leave when the primary was killed, and answer what they had accepted', async () => {
  for (let isUnderway = false; !isUnderway; ) {
    await using cluster = await start();
    // They have little more than a second for it; on a busy machine it may be over before it is seen.
    const held = fault(cluster, 'hold', 500);
    const pids = cluster.serverPids();
    isUnderway = await Promise.race([underway(cluster.adminUrl, 1).then(() => true), held.then(() => false)]);
    if (!isUnderway) continue;
    process.kill(cluster.pid, 'SIGKILL');
    await cluster.exited;
    expect(pids).toHaveLength(2);
    expect(await held).toBe(200);
    while (cluster.serverPids().length > 0) await sleep(20);
  }
});

it('they do so too while threads are in native code, which nothing but SIGKILL stops', async () => {
  await using cluster = await start();
  const body = JSON.stringify({ algorithm: 'bcrypt', data: 'secret', rounds: 15 });
  const headers = { 'content-type': 'application/json', connection: 'close' };
  const calls = Array.from({ length: 4 }, () =>
    fetch(`${cluster.url}/hash`, { method: 'POST', headers, body }).then(
      ({ status }) => status,
      () => 'lost',
    ),
  );
  await underway(cluster.adminUrl, 4);
  process.kill(cluster.pid, 'SIGKILL');
  await cluster.exited;
  while (cluster.serverPids().length > 0) await sleep(20);
  // The calls would have taken eight seconds and more: nobody has waited for them.
  expect(await Promise.all(calls)).not.toContain(200);
});

it.skipIf(!canLimit)('where the system has no room for another process the others serve on', async () => {
  await using cluster = await start();
  const [victim, other] = cluster.serverPids();
  await limitOpenFiles(cluster.pid, 10);
  cluster.signal('SIGHUP');
  await cluster.waitForLine(({ msg }) => msg === 'reload aborted');
  process.kill(Number(victim), 'SIGKILL');
  await cluster.waitForLine(({ serverPid, reason }) => serverPid === victim && reason === 'died');
  // It is tried again and again, and told once.
  await sleep(2_000);
  expect(cluster.serverPids()).toEqual([other]);
  expect(
    cluster.lines.filter(({ msg }) => String(msg).startsWith('a server process could not be')),
  ).toHaveLength(1);
  await limitOpenFiles(cluster.pid, 1_024);
  await whole(cluster, 1);
  expect((await fetch(cluster.url)).status).toBe(200);
  cluster.signal('SIGHUP');
  await cluster.waitForLine(({ msg }) => msg === 'reload completed');
  expect(await cluster.stop()).toBe(0);
});

it('one process more on SIGTTIN, one fewer on SIGTTOU, at least one', async () => {
  await using cluster = await start();
  cluster.signal('SIGTTIN');
  await cluster.waitForLine(({ msg, server }) => msg === 'server process ready' && server === 3);
  expect(cluster.serverPids()).toHaveLength(3);
  for (const left of [2, 1]) {
    cluster.signal('SIGTTOU');
    await cluster.waitForLine(
      ({ msg, serverProcesses }) => msg === 'one server process fewer' && serverProcesses === left,
    );
  }
  cluster.signal('SIGTTOU');
  await cluster.waitForLine(({ msg }) => msg === 'one server process is the least there can be');
  await cluster.waitForLine(({ server, reason }) => server === 2 && reason === 'fewer processes');
  await cluster.waitForLine(({ server, reason }) => server === 3 && reason === 'fewer processes');
  expect(cluster.serverPids()).toHaveLength(1);
  expect((await fetch(cluster.url)).status).toBe(200);
  expect(await cluster.stop()).toBe(0);
});

it('one process more changes the thread budget of those that are forked from then on', async () => {
  await using cluster = await start({ WORKERS: '1' });
  const limits = { poolMinThreads: 1, poolMaxThreads: 'auto' } as const;
  const [alone, shared] = [1, 2].map((processes) => threadsPerProcess(limits, readCores(), processes));
  expect(await threadLimits(cluster)).toEqual([alone]);
  cluster.signal('SIGTTIN');
  await cluster.waitForLine(({ msg, server }) => msg === 'server process ready' && server === 2);
  expect(await threadLimits(cluster)).toEqual([alone, shared]);
  cluster.signal('SIGHUP');
  await cluster.waitForLine(({ msg }) => msg === 'reload completed');
  expect(await threadLimits(cluster)).toEqual([shared, shared]);
});

it('one fewer while one is missing: the missing one', async () => {
  using tasks = taskFolder();
  tasks.write('mine', answering('old'));
  await using cluster = await start({ TASKS_DIR: tasks.path });
  tasks.write('mine', 'process.exit(4);');
  const [first, second] = cluster.serverPids();
  process.kill(Number(first), 'SIGKILL');
  await cluster.waitForLine(({ msg, deaths }) => msg === 'backing off before the next fork' && deaths === 3);
  cluster.signal('SIGTTOU');
  await cluster.waitForLine(({ msg }) => msg === 'one server process fewer');
  expect(await (await fetch(`${cluster.url}/mine`)).json()).toEqual({ answer: 'old' });
  expect(cluster.serverPids()).toContain(second);
  expect(cluster.lines.filter(({ msg }) => msg === 'readiness changed')).toHaveLength(1);
  expect(await cluster.stop()).toBe(0);
});
