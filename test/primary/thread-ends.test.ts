import { describe, expect, it } from 'vitest';
import type { ServerStatus } from '#src/messages.js';
import { type Cluster, type Env, startCluster } from '../support/cluster.js';

const native = new URL('../fixtures/native', import.meta.url).pathname;

/** One server process, whose threads are up: what it does is what is seen. */
function start(env: Env = {}): Promise<Cluster> {
  return startCluster({
    env: {
      TASKS_DIR: native,
      WORKERS: '1',
      POOL_MIN_THREADS: '2',
      POOL_MAX_THREADS: '2',
      POOL_NICE: '0',
      HEARTBEAT_TIMEOUT_MS: '60000',
      ...env,
    },
  });
}

interface Ask {
  readonly timeoutS?: number;
  readonly leaves?: AbortSignal;
}

/** The status of the answer, or `left`. */
async function ask({ url }: Cluster, task: string, input: unknown, how: Ask = {}): Promise<number | 'left'> {
  const { timeoutS, leaves } = how;
  try {
    const answer = await fetch(`${url}/${task}`, {
      method: 'POST',
      body: JSON.stringify(input),
      headers: {
        'content-type': 'application/json',
        ...(timeoutS !== undefined && { 'request-timeout': String(timeoutS) }),
      },
      ...(leaves !== undefined && { signal: leaves }),
    });
    await answer.arrayBuffer();
    return answer.status;
  } catch (error) {
    if (leaves?.aborted && error instanceof DOMException) return 'left';
    throw error;
  }
}

/** Has a call begun and leaves it: nobody waits for it any more. */
async function leaveBehind(cluster: Cluster, how: 'timer' | 'never' | 'spin', ms?: number): Promise<void> {
  const leaving = new AbortController();
  const call = ask(cluster, 'linger', { how, ms }, { leaves: leaving.signal });
  await cluster.waitForLine(({ msg }) => msg === 'begun');
  leaving.abort();
  expect(await call).toBe('left');
}

interface Status {
  readonly primary: {
    readonly exits: readonly { readonly reason: string; readonly signal: string | null }[];
  };
  readonly servers: readonly (ServerStatus & { readonly pid: number; readonly state: string })[];
}

async function statusOf({ adminUrl }: Cluster): Promise<Status> {
  return (await fetch(new URL('/status', adminUrl))).json() as Promise<Status>;
}

async function threadsOf(cluster: Cluster): Promise<ServerStatus['threads'] | undefined> {
  return (await statusOf(cluster)).servers.at(-1)?.threads;
}

/** Whether a server process has said that it has too many threads that do not end. */
function tellsWorn(cluster: Cluster): { readonly isTold: boolean } {
  return {
    get isTold() {
      return cluster.lines.some(({ msg }) => String(msg).startsWith('too many threads'));
    },
  };
}

describe('native work that goes on after its caller has left', () => {
  it.each([
    ['bcrypt', { rounds: 12 }],
    ['argon2', { timeCost: 30 }],
    ['sharp', { width: 2_000 }],
  ])(
    'of npm’s %s ends no server process, 100 times by deadline and 100 by a closed connection',
    async (task, input) => {
      await using cluster = await start();
      const inTurns = async (how: () => Ask): Promise<void> => {
        let left = 100;
        const caller = async (): Promise<void> => {
          while (left-- > 0)
            expect([504, 503, 200, 'left']).toContain(await ask(cluster, task, input, how()));
        };
        await Promise.all([caller(), caller(), caller(), caller()]);
      };
      await inTurns(() => ({ timeoutS: 0.1 }));
      await inTurns(() => ({ leaves: AbortSignal.timeout(100) }));
      // Some did run and were left behind: their threads are gone once the work is done, and none was ended in it.
      await expect.poll(async () => (await threadsOf(cluster))?.leftover).toBe(0);
      const { primary } = await statusOf(cluster);
      expect(primary.exits.filter(({ reason }) => reason === 'died')).toEqual([]);
      expect(await ask(cluster, 'quick', {})).toBe(200);
      expect(await cluster.stop()).toBe(0);
    },
  );

  it('is no reason for a stop to fail: what nobody waits for ends with the process', async () => {
    await using cluster = await start();
    await leaveBehind(cluster, 'timer', 3_600_000);
    await expect.poll(async () => (await threadsOf(cluster))?.leftover).toBe(1);
    expect(await cluster.stop()).toBe(0);
  });
});

it('a thread that is not needed any more ends only when the native work that a task left behind is done', async () => {
  await using cluster = await start({ POOL_MIN_THREADS: '1', POOL_IDLE_TIMEOUT_MS: '500' });
  const calls = [1, 2].map(() => ask(cluster, 'forgotten', { rounds: 15 }));
  expect(await Promise.all(calls)).toEqual([200, 200]);
  await expect.poll(() => threadsOf(cluster)).toMatchObject({ busy: 0, idle: 1 });
  const hashed = () => cluster.lines.filter(({ msg }) => msg === 'hashed').length;
  expect(hashed()).toBeLessThan(2);
  await expect.poll(hashed).toBe(2);
  expect((await statusOf(cluster)).primary.exits).toEqual([]);
  expect(await ask(cluster, 'quick', {})).toBe(200);
});

describe('a call that goes on', () => {
  it('is left its thread, which is replaced: told in log, status and metrics', async () => {
    await using cluster = await start({ POOL_MIN_THREADS: '1', POOL_MAX_THREADS: '1' });
    await leaveBehind(cluster, 'timer', 3_600_000);
    await cluster.waitForLine(
      ({ msg, task }) => String(msg).startsWith('a call goes on') && task === 'linger',
    );
    await expect.poll(async () => (await threadsOf(cluster))?.leftover).toBe(1);
    expect(await ask(cluster, 'quick', {})).toBe(200);
    const metrics = await (await fetch(new URL('/metrics', cluster.adminUrl))).text();
    expect(metrics).toContain('millrace_threads{state="leftover"} 1');
  });

  it('with nothing in flight is no reason for a thread to stay', async () => {
    await using cluster = await start();
    await leaveBehind(cluster, 'never');
    await expect.poll(() => threadsOf(cluster)).toMatchObject({ busy: 0, idle: 2, leftover: 0 });
  });

  it('and blocks its thread then is ended', async () => {
    await using cluster = await start();
    await leaveBehind(cluster, 'spin', 10_000);
    await expect.poll(async () => (await threadsOf(cluster))?.leftover).toBe(1);
    await expect.poll(async () => (await threadsOf(cluster))?.leftover).toBe(0);
  });

  it('too often has the process replaced, without a call lost', async () => {
    await using cluster = await start();
    const [first] = cluster.serverPids();
    const worn = tellsWorn(cluster);
    // Where a thread takes long to start, a call's deadline passes before it runs: that one is left no thread.
    const leave = async (): Promise<void> => {
      while (!worn.isTold)
        expect([504, 503]).toContain(
          await ask(cluster, 'linger', { how: 'timer', ms: 3_600_000 }, { timeoutS: 1 }),
        );
    };
    await Promise.all([leave(), leave()]);
    const line = await cluster.waitForLine(
      ({ msg, serverPid }) => String(msg).startsWith('server process exited') && serverPid === first,
    );
    expect(line).toMatchObject({ reason: 'lost threads', cut: 0 });
    const ready = cluster.lines.findLastIndex(({ msg }) => msg === 'server process ready');
    expect(cluster.lines.indexOf(line)).toBeGreaterThan(ready);
    expect(await ask(cluster, 'quick', {})).toBe(200);
  });
});

describe('threads stuck in native code', () => {
  it('count as none: what comes is answered, and they are told', async () => {
    await using cluster = await start({ TASK_TIMEOUT_MS: '1000', QUEUE_MAX_WAIT_MS: '60000' });
    const held = [1, 2].map(() => ask(cluster, 'sleep', { seconds: 120 }));
    expect(await Promise.all(held)).toEqual([504, 504]);
    const quick = Array.from({ length: 60 }, () => ask(cluster, 'quick', {}));
    expect(await Promise.all(quick)).toEqual(quick.map(() => 200));
    const line = await cluster.waitForLine(
      ({ msg, stuck }) => String(msg).includes('stuck in native code') && stuck === 2,
    );
    expect(line).toMatchObject({ task: 'sleep', requestId: expect.any(String) });
    await expect.poll(() => threadsOf(cluster)).toMatchObject({ busy: 0, max: 2, stuck: 2 });
    expect(await cluster.stop()).toBe(0);
  });

  it('too many of them have the process replaced, without a call lost', async () => {
    await using cluster = await start({
      TASK_TIMEOUT_MS: '1000',
      POOL_MAX_THREADS: '4',
      // Where the new process takes long to come, all threads of the old one are stuck by then: what came to it waits until
      // the first of them wakes.
      QUEUE_MAX_WAIT_MS: '120000',
    });
    const [first] = cluster.serverPids();
    const exit = cluster.waitForLine(
      ({ msg, serverPid }) => String(msg).startsWith('server process exited') && serverPid === first,
    );
    let isOver = false;
    void exit.finally(() => {
      isOver = true;
    });
    const worn = tellsWorn(cluster);
    const hold = async (): Promise<void> => {
      while (!worn.isTold) expect(await ask(cluster, 'sleep', { seconds: 40 })).toBe(504);
    };
    const others = async (): Promise<void> => {
      while (!isOver) expect(await ask(cluster, 'quick', {})).toBe(200);
    };
    await Promise.all([hold(), hold(), hold(), hold(), others()]);
    expect(await exit).toMatchObject({ reason: 'lost threads', cut: 0 });
    expect(cluster.lines.find(({ msg }) => String(msg).startsWith('too many threads'))).toMatchObject({
      stuck: 8,
    });
    const ready = cluster.lines.findLastIndex(({ msg }) => msg === 'server process ready');
    expect(cluster.lines.indexOf(await exit)).toBeGreaterThan(ready);
    expect(await ask(cluster, 'quick', {})).toBe(200);
    expect(await cluster.stop()).toBe(0);
  });
});
