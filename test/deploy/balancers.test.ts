// Two machines behind the real HAProxy and the real nginx, configured by deploy/: what one refuses goes to the other, what
// has begun goes nowhere, and a machine that dies takes with it what it was at, and nothing else.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Balancer, has, type StartBalancer, startHaproxy, startNginx } from '../support/balancers.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { hasNginx } from '../support/nginx.js';
import { oneShot } from '../support/one-shot.js';
import { underway } from '../support/underway.js';

const app = fileURLToPath(new URL('../fixtures/apps/balanced/app.js', import.meta.url));

/** A thread, and one place for a call that waits: full with two. */
const machine = {
  APP: app,
  AGENT_PORT: '0',
  WORKERS: '1',
  POOL_MAX_THREADS: '1',
  POOL_MAX_QUEUE: '1',
  QUEUE_MAX_WAIT_MS: '600000',
  TASK_TIMEOUT_MS: '600000',
  TRUST_PROXY: 'loopback',
};

interface TestMachine extends Cluster {
  readonly agentPort: number;
}

async function startMachine(env: Record<string, string> = {}): Promise<TestMachine> {
  const cluster = await startCluster({ env: { ...machine, ...env } });
  const line = await cluster.waitForLine(({ msg }) => msg === 'listening');
  return { ...cluster, agentPort: Number(line.agentPort) };
}

/** Fills a machine by calls that take a minute. @returns what lets it go */
async function fill({ url, adminUrl }: TestMachine): Promise<() => Promise<void>> {
  const leaving = new AbortController();
  /** Who was let go last may still have the place. */
  async function call(): Promise<void> {
    for (let status = 503; status === 503 && !leaving.signal.aborted; )
      status = await count(url, { ms: 60_000 }, leaving.signal).then(
        (answer) => answer.status,
        () => 0,
      );
  }
  const calls = [call(), call()];
  await underway(adminUrl, 2);
  return async () => {
    leaving.abort();
    await Promise.all(calls);
  };
}

function count(url: string, input: object, signal?: AbortSignal): Promise<Response> {
  return fetch(`${url}/count`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(input),
    ...(signal && { signal }),
  });
}

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'runs-'));
  file = join(folder, 'runs');
});
afterEach(() => rmSync(folder, { recursive: true }));

/** How often each call ran, by its id. */
function runs(): Map<string, number> {
  const times = new Map<string, number>();
  for (const id of readFileSync(file, 'utf8').trim().split('\n')) times.set(id, (times.get(id) ?? 0) + 1);
  return times;
}

const balancers: [name: string, start: StartBalancer][] = [];
if (has('haproxy', '-v')) balancers.push(['HAProxy', startHaproxy]);
if (hasNginx) balancers.push(['nginx', startNginx]);

describe.each(balancers)('behind %s', (_name, start) => {
  let one: TestMachine;
  let two: TestMachine;
  let balancer: Balancer;

  beforeAll(async () => {
    [one, two] = await Promise.all([startMachine(), startMachine()]);
    balancer = await start([one, two]);
  });
  afterAll(async () => {
    await balancer.dispose();
    await Promise.all([one.dispose(), two.dispose()]);
  });

  it('what a full machine refuses is done by the other one, once, POSTs and bodies of 20 kB too', async () => {
    const letGo = await fill(one);
    const filler = 'x'.repeat(20_000);
    const ids = Array.from({ length: 30 }, (_, i) => `call-${i}`);
    const statuses = [];
    for (const id of ids) statuses.push((await count(balancer.url, { ms: 0, file, id, filler })).status);
    expect(statuses).toEqual(ids.map(() => 200));
    expect([...runs()]).toEqual(ids.map((id) => [id, 1]));
    await letGo();
  });

  it('all full, the server’s own refusal reaches the client', async () => {
    const letGo = await Promise.all([fill(one), fill(two)]);
    const answer = await count(balancer.url, { ms: 0 });
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(await answer.json()).toMatchObject({ code: 'OVERLOADED' });
    expect((await fetch(`${balancer.url}/light`)).status).toBe(200);
    await Promise.all(letGo.map((go) => go()));
  });

  it('the agent moves the weights, and back', async (test) => {
    const { weights } = balancer;
    if (weights === undefined) test.skip('nginx asks no agent');
    const letGo = await fill(one);
    const isSeen = async (low: boolean) => {
      const { one: first = 0, two: second = 0 } = (await weights?.()) ?? {};
      return second > 50 && (low ? first === 1 : first > 50);
    };
    while (!(await isSeen(true))) await sleep(100);
    await letGo();
    while (!(await isSeen(false))) await sleep(100);
  });
});

interface Losses {
  /** When POSTs were sent that were not answered 200, by performance.now(). */
  readonly posts: readonly number[];
  readonly reads: number;
}

/** Six clients post and one reads, one request after the other, while something happens to the first of two machines. */
async function underLoad(
  start: StartBalancer,
  env: Record<string, string>,
  happen: (one: TestMachine) => Promise<unknown>,
): Promise<Losses> {
  await using one = await startMachine({ POOL_MAX_QUEUE: '64', ...env });
  await using two = await startMachine({ POOL_MAX_QUEUE: '64', ...env });
  const balancer = await start([one, two]);
  const lost: number[] = [];
  const done: string[] = [];
  const reads: number[] = [];
  let isOver = false;

  async function post(poster: number): Promise<void> {
    for (let turn = 0; !isOver; turn++) {
      const id = `${poster}-${turn}`;
      const sentMs = performance.now();
      const status = await count(balancer.url, { ms: 3, file, id }).then(
        (answer) => answer.status,
        () => 0,
      );
      if (status === 200) done.push(id);
      else lost.push(sentMs);
    }
  }
  async function read(): Promise<void> {
    while (!isOver) reads.push((await fetch(`${balancer.url}/light`)).status);
  }
  async function answered(more: number): Promise<void> {
    const until = done.length + more;
    while (done.length < until) await sleep(5);
  }
  async function script(): Promise<void> {
    await answered(100);
    await happen(one);
    await answered(300);
    isOver = true;
  }
  await Promise.all([...Array.from({ length: posters }, (_, i) => post(i)), read(), script()]);
  await balancer.dispose();

  const times = runs();
  expect([...times].filter(([, count]) => count !== 1)).toEqual([]);
  expect(done.filter((id) => !times.has(id))).toEqual([]);
  return { posts: lost, reads: reads.filter((status) => status !== 200).length };
}

const posters = 6;

describe.each(balancers)('under load behind %s', (name, start) => {
  it('a machine that is killed loses POSTs that it may have had, and nothing else; none runs twice', async () => {
    let goneMs = 0;
    const { posts, reads } = await underLoad(start, {}, async (one) => {
      for (const pid of [one.pid, ...one.serverPids()]) process.kill(pid, 'SIGKILL');
      // Until the kernel has taken its socket apart, it still takes connections.
      while ((await oneShot(one.port)) !== 'refused') await sleep(1);
      goneMs = performance.now();
    });
    // That a kept connection has ended may be seen only by the request that is sent on it: once a client.
    expect(posts.filter((sentMs) => sentMs > goneMs).length).toBeLessThanOrEqual(posters);
    expect(reads).toBe(0);
    console.info(`${name}: a machine that was killed took ${posts.length} POSTs with it`);
  });

  it('a machine that is reloaded, and one that is stopped as deploy/ says, lose nothing', async () => {
    const reloaded = await underLoad(start, {}, async (one) => {
      one.signal('SIGHUP');
      await one.waitForLine(({ msg }) => msg === 'reload completed');
    });
    expect(reloaded).toEqual({ posts: [], reads: 0 });
    rmSync(file);
    const stopped = await underLoad(start, { SHUTDOWN_DELAY_MS: '5000' }, (one) => one.stop());
    expect(stopped.reads).toBe(0);
    // Nobody tells nginx: a POST may meet the end of its kept connection, and is not sent again.
    expect(stopped.posts.length).toBeLessThanOrEqual(name === 'nginx' ? posters : 0);
  });
});
