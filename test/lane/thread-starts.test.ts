import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { LaneConfig } from '#src/lane/lane-deps.js';
import { createLogger } from '#src/log.js';
import { createLatch, outcome, startLane } from '../support/lane.js';

const breaking = fileURLToPath(new URL('../fixtures/breaking-tasks', import.meta.url));

/** A lane whose threads are all gone, and cannot start again until `mend`. */
async function brokenLane(config: Partial<LaneConfig>) {
  const fatal: unknown[] = [];
  const { call, lane } = await startLane(config, createLogger('silent', {}), {
    folders: [breaking],
    onFatal: (error) => fatal.push(error),
  });
  process.env.BREAK_THREADS = '1';
  const mend = (): void => void delete process.env.BREAK_THREADS;
  onTestFinished(mend);
  expect(await outcome(call('breaking', { exit: true }))).toBe('THREAD_LOST');
  return { call, lane, fatal, mend };
}

describe('starts of threads that fail', () => {
  it.each([1, 2, 3])('are tried again, at most %i threads, until the process is of no use', async (max) => {
    const { call, fatal } = await brokenLane({ poolMaxThreads: max });
    for (let i = 0; i < 5; i++) call('breaking', {}).result.catch(() => undefined);
    await expect.poll(() => fatal.length, { timeout: 20_000 }).toBeGreaterThan(0);
    expect(fatal).toMatchObject([{ message: expect.stringContaining('could not be started') }]);
  });

  it.each([1, 3])('are over when the fault is: what waits is answered, of %i threads', async (max) => {
    const { call, fatal, mend } = await brokenLane({ poolMaxThreads: max });
    const waiting = Array.from({ length: 5 }, () => outcome(call('breaking', {})));
    mend();
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => ({ ok: true })));
    expect(await outcome(call('breaking', {}))).toEqual({ ok: true });
    expect(fatal).toEqual([]);
  });
});

describe('growth', () => {
  it('starts one thread for one call more', async () => {
    const latch = createLatch();
    const { call, lane } = await startLane({ poolMinThreads: 1, poolMaxThreads: 4 });
    const calls = [call('latch', { memory: latch.memory, gate: 1 })];
    await latch.begun(1);
    calls.push(call('latch', { memory: latch.memory, gate: 1 }));
    await latch.begun(2);
    expect(lane.status().threads).toEqual({ busy: 2, idle: 0, max: 4 });
    // A third that had been started as well would be up before a fourth that is only asked for now.
    calls.push(call('latch', { memory: latch.memory, gate: 1 }));
    await latch.begun(3);
    expect(lane.status().threads).toEqual({ busy: 3, idle: 0, max: 4 });
    latch.open(1);
    expect(await Promise.all(calls.map(outcome))).toHaveLength(3);
    expect(lane.status().threads).toEqual({ busy: 0, idle: 3, max: 4 });
  });
});
