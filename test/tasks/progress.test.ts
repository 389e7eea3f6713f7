// How far a call says that it is, as its caller in a program hears it.
import { type TestServer, testServer } from 'millrace/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Progress } from '#src/task.js';
import { createProgress } from '#src/tasks/progress.js';

describe.each([true, false])('progress (on threads: %s)', (threads) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await testServer({
      tasks: new URL('../fixtures/contract', import.meta.url),
      threads,
      poolNice: 0,
    });
  });
  afterAll(() => server.close());

  async function heard(how: string): Promise<Progress[]> {
    const all: Progress[] = [];
    await server.call('steps', { how }, { onProgress: (progress) => void all.push(progress) });
    return all;
  }

  it('is heard by who calls, before the result', async () => {
    expect(await heard('sound')).toEqual([{ done: 0.4, note: 'parsed' }, { done: 1 }]);
  });

  it('is heard before the result where both come while the event loop is held', async () => {
    for (let round = 0; round < 20; round++) {
      await heard('sound');
      // In the very turn in which the last answer came: the kernel tells of the next one first then.
      const hearing = heard('sound');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
      expect(await hearing).toEqual([{ done: 0.4, note: 'parsed' }, { done: 1 }]);
    }
  });

  it('is made sound', async () => {
    expect(await heard('unsound')).toEqual([{ done: 1, note: 'x'.repeat(200) }, { done: 0 }]);
  });

  it('is told on a few times a second, and at the end', async () => {
    const all = await heard('often');
    expect(all.length).toBeLessThan(100);
    expect(all.at(-1)).toEqual({ done: 1 });
  });

  it('that makes its listener throw cancels the call', async () => {
    const onProgress = (): void => {
      throw new Error('nobody listens');
    };
    await expect(server.call('steps', { how: 'wait' }, { onProgress })).rejects.toThrow('nobody listens');
  });
});

it('progress is told ten times a second at most', () => {
  let nowMs = 0;
  let told = 0;
  const progress = createProgress(
    () => told++,
    () => nowMs,
  );
  for (; nowMs < 10_000; nowMs++) progress(0.5);
  expect(told).toBeGreaterThanOrEqual(100);
  expect(told).toBeLessThanOrEqual(105);
});
