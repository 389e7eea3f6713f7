// What a task's `setup` makes, and what its context tells of the call: on threads, inline, over HTTP and by `call`.
import { threadId } from 'node:worker_threads';
import { defineTask } from 'millrace';
import { testServer } from 'millrace/testing';
import { afterEach, describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { createLane } from '#src/library/lane.js';
import { createSetups } from '#src/tasks/setups.js';
import { listeningLog } from '../support/app.js';
import { startLane } from '../support/lane.js';

const folder = new URL('../fixtures/contract', import.meta.url);

describe('the setup of a task', () => {
  afterEach(() => {
    delete process.env.MODEL_FAILURES;
  });

  it('runs once in each thread, before its first call, and is no part of the run', async () => {
    const { lane, records, task } = await startLane({ poolMaxThreads: 1 }, undefined, {
      folders: [new URL('../fixtures/contract', import.meta.url).pathname],
    });
    const call = async (): Promise<unknown> => {
      const { result } = lane.call(task('model'), { type: 'value', value: {} }, { client: 'test' });
      return JSON.parse(String((await result).body));
    };
    const seen = [await call(), await call(), await call()];
    for (const one of seen) expect(one).toMatchObject({ weights: [1, 2, 3], attempt: 1, attempts: 1 });
    // The setup waits for 500 ms on a timer.
    expect(records.map(({ outcome }) => outcome)).toEqual(['completed', 'completed', 'completed']);
    expect(records[0]?.runMs).toBeLessThan(500);
  });

  it('that throws makes the call TASK_FAILED, once for each attempt, until one succeeds', async () => {
    process.env.MODEL_FAILURES = '2';
    const lane = await createLane({ tasks: folder, poolMinThreads: 1, poolMaxThreads: 1, poolNice: 0 });
    try {
      for (let i = 0; i < 2; i++)
        await expect(lane.call('model', {})).rejects.toMatchObject({
          code: 'TASK_FAILED',
          cause: { name: 'SetupError', message: 'its setup failed: no model yet' },
        });
      expect(await lane.call('model', {})).toMatchObject({ attempt: 3 });
    } finally {
      await lane.close();
    }
  });

  it('that fails over HTTP is one line in the log', async () => {
    process.env.MODEL_FAILURES = '1';
    const { log, lines } = listeningLog();
    const server = await testServer({
      tasks: folder,
      poolMinThreads: 1,
      poolMaxThreads: 1,
      poolNice: 0,
      log,
    });
    try {
      expect((await fetch(`${server.url}/model`)).status).toBe(500);
      const failures = lines.filter(({ task }) => task === 'model');
      expect(failures).toHaveLength(1);
      expect(JSON.stringify(failures)).toContain('its setup failed: no model yet');
      expect(await (await fetch(`${server.url}/model`)).json()).toMatchObject({ attempt: 2 });
    } finally {
      await server.close();
    }
  });

  it('that leaves an error behind and never settles has failed; the next call tries again', async () => {
    const lane = await createLane({ tasks: folder, poolMinThreads: 1, poolMaxThreads: 1, poolNice: 0 });
    try {
      await expect(lane.call('stray', {})).rejects.toMatchObject({ code: 'TASK_FAILED' });
      expect(await lane.call('stray', {})).toBe(2);
    } finally {
      await lane.close();
    }
  });

  it('is typed by what it returns, and works in a test’s own process', async () => {
    let setups = 0;
    const here = defineTask({
      input: z.strictObject({ by: z.number() }),
      output: z.number(),
      async setup() {
        setups++;
        return { base: 40 };
      },
      run({ by }, context) {
        expectTypeOf(context.setup).toEqualTypeOf<{ base: number }>();
        return context.setup.base + by;
      },
    });
    const server = await testServer({ tasks: here, threads: false });
    try {
      const both = [server.call(here, { by: 1 }), server.call(here, { by: 2 })];
      expect([...(await Promise.all(both)), setups]).toEqual([41, 42, 1]);
    } finally {
      await server.close();
    }
  });

  it('that does not end is given up', async () => {
    const setups = createSetups(20);
    const stuck = defineTask({
      input: z.strictObject({}),
      output: z.null(),
      setup: () => new Promise<number>(() => undefined),
      run: () => null,
    });
    await expect(setups.of(stuck as never)).rejects.toThrow('its setup failed: not done after 0.02 s');
    expect(setups.made(stuck as never)).toBeUndefined();
  });
});

describe('a call inline', () => {
  it('waits for nobody: the first ones run on a thread, and later ones have a setup of the event loop', async () => {
    const { lane, task } = await startLane({ poolMaxThreads: 1, inlineMaxUs: 1_000 }, undefined, {
      folders: [new URL('../fixtures/vouching-setup', import.meta.url).pathname],
    });
    const run = async (): Promise<{ lane: string; threadId: number }> => {
      const call = lane.call(task('table'), { type: 'value', value: {} }, { client: 'test' });
      const { lane: ran, body } = call.ready ?? (await call.result);
      return { lane: ran, ...JSON.parse(String(body)) };
    };
    let last = await run();
    expect(last).toMatchObject({ lane: 'thread', madeIn: expect.not.toSatisfy((id) => id === threadId) });
    for (let i = 0; i < 2_000 && last.lane === 'thread'; i++) last = await run();
    expect(last).toMatchObject({ lane: 'inline', madeIn: threadId });
  });
});

describe('the context of a call', () => {
  it('names the client and the request', async () => {
    const server = await testServer({ tasks: folder, poolMaxThreads: 1, poolNice: 0 });
    try {
      const answer = await fetch(`${server.url}/who`, { headers: { 'X-Request-Id': 'r-7' } });
      expect(await answer.json()).toEqual({ client: '127.0.0.1', requestId: 'r-7', setup: null });
      expect(await server.call('who', {})).toEqual({ client: 'app', requestId: null, setup: null });
      const named = await server.call('who', {}, { client: 'nightly', requestId: 'r-8' });
      expect(named).toEqual({ client: 'nightly', requestId: 'r-8', setup: null });
    } finally {
      await server.close();
    }
  });
});
