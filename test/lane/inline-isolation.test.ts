// What calls can do to the server process that has to answer others: on the event loop, and on threads.
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, startCluster } from '../support/cluster.js';

const folder = fileURLToPath(new URL('../fixtures/vouching', import.meta.url));

let cluster: Cluster;
beforeAll(async () => {
  const env = {
    WORKERS: '1',
    TASKS_DIR: folder,
    INLINE_MAX_US: '20000',
    TASK_TIMEOUT_MS: '5000',
    POOL_NICE: '0',
  };
  cluster = await startCluster({ env });
});
afterAll(() => cluster.dispose());

interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly lane: string | undefined;
}

async function call(task: string, input: object, timeout?: string): Promise<Answer> {
  const response = await fetch(`${cluster.url}/${task}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(timeout && { 'Request-Timeout': timeout }) },
    body: JSON.stringify(input),
  });
  const { code } = (await response.json()) as { code?: string };
  const lane = /desc="(\w+)"/.exec(response.headers.get('server-timing') ?? '')?.[1];
  return { status: response.status, code, lane };
}

/** After so many calls a kind is known, and runs inline if its task says so. */
async function teach(task: string, tag: string): Promise<Answer> {
  for (let run = 0; run < 24; run++) await call(task, { tag, how: 'nothing' });
  return call(task, { tag, how: 'nothing' });
}

const greeting = async (): Promise<string> => (await fetch(cluster.url)).text();

describe.each([
  ['vouched', 'inline'],
  ['ordinary', 'thread'],
])('a call of the %s task', (task, lane) => {
  it.each(['rejection', 'late rejection', 'timer', 'timer of a timer'])(
    'that leaves a %s behind is answered, and the error is logged with its request',
    async (how) => {
      expect(await teach(task, how)).toMatchObject({ status: 200, lane });
      const server = await greeting();
      const before = cluster.lines.length;
      expect(await call(task, { tag: how, how })).toMatchObject({ status: 200, lane });
      await cluster.waitForLine((line) => cluster.lines.indexOf(line) >= before && line.level === 50);
      expect(cluster.lines.slice(before).find(({ level }) => level === 50)).toMatchObject({
        msg: 'an error that a task left behind',
        task,
        requestId: expect.any(String),
        err: { message: 'left behind' },
      });
      expect(await greeting()).toBe(server);
      // Whoever leaves something behind is not what its author vouched for.
      expect(await call(task, { tag: how, how: 'nothing' })).toMatchObject({ lane: 'thread' });
    },
  );

  it('that exits the process takes nobody along', async () => {
    expect(await teach(task, 'exit')).toMatchObject({ lane });
    const server = await greeting();
    const code = lane === 'inline' ? 'TASK_FAILED' : 'THREAD_LOST';
    expect(await call(task, { tag: 'exit', how: 'exit' })).toMatchObject({ status: 500, code });
    expect(await call(task, { tag: 'exit', how: 'nothing' })).toMatchObject({ status: 200, lane: 'thread' });
    expect(await greeting()).toBe(server);
  });

  it('that exits the process later takes nobody along', async () => {
    expect(await teach(task, 'exit later')).toMatchObject({ lane });
    const server = await greeting();
    expect(await call(task, { tag: 'exit later', how: 'exit later' })).toMatchObject({ status: 200, lane });
    await cluster.waitForLine(({ msg, err }) =>
      lane === 'inline' ? /process\.exit/.test(JSON.stringify(err ?? '')) : msg === 'an idle thread ended',
    );
    expect(await greeting()).toBe(server);
  });

  it('that loops but asks its signal is stopped by its deadline', async () => {
    expect(await teach(task, 'loop')).toMatchObject({ lane });
    const server = await greeting();
    expect(await call(task, { tag: 'loop', how: 'loop' }, '0.2')).toMatchObject({ status: 504 });
    expect(await call(task, { tag: 'loop', how: 'loop' })).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(await greeting()).toBe(server);
  });

  it('that is asynchronous is answered in time all the same', async () => {
    expect(await teach(task, 'never')).toMatchObject({ lane });
    expect(await call(task, { tag: 'never', how: 'never' }, '0.2')).toMatchObject({ status: 504 });
    expect(await teach(task, 'later')).toMatchObject({ lane });
    expect(await call(task, { tag: 'later', how: 'later' })).toMatchObject({ status: 200, lane });
    expect(await call(task, { tag: 'later', how: 'nothing' })).toMatchObject({ lane: 'thread' });
  });

  it('that logs may go on as before', async () => {
    expect(await teach(task, 'log')).toMatchObject({ lane });
    expect(await call(task, { tag: 'log', how: 'log' })).toMatchObject({ lane });
    await cluster.waitForLine((line) => line.msg === 'hello' && line.task === task);
    expect(await call(task, { tag: 'log', how: 'log' })).toMatchObject({ lane });
  });
});

it('a regular expression that backtracks stays on its thread, and light routes go on', async () => {
  for (let run = 0; run < 200; run++) await call('address', { text: `a${run}@x.com` });
  expect(await call('address', { text: 'a@x.com' })).toMatchObject({ lane: 'thread' });
  const server = await greeting();
  let running = 2;
  const stuck = [1, 2].map(async () => {
    const answer = await call('address', { text: `${'a'.repeat(38)}!` });
    running--;
    return answer;
  });
  while (running > 0) expect(await greeting()).toBe(server);
  expect((await Promise.all(stuck)).map(({ status }) => status)).toEqual([504, 504]);
  expect(await greeting()).toBe(server);
});
