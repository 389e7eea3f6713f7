import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { LaneConfig } from '#src/lane/lane-deps.js';
import { createLogger } from '#src/log.js';
import { TaskFileError } from '#src/tasks/registry.js';
import { listeningLog } from '../support/app.js';
import { createLatch, fixtureTasks, outcome, startLane } from '../support/lane.js';

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
    const { call, fatal } = await brokenLane({ poolMaxThreads: max, queueMaxWaitMs: 2_000 });
    const waiting = Array.from({ length: 5 }, () => outcome(call('breaking', {})));
    await expect.poll(() => fatal.length).toBeGreaterThan(0);
    expect(fatal).toMatchObject([{ message: expect.stringContaining('could not be started') }]);
    // What has waited is not kept for longer than a call may wait, and nothing else is let in.
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => 'OVERLOADED'));
    expect(() => call('breaking', {})).toThrow('No thread is there');
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

describe('a thread that cannot import a task', () => {
  it('takes no calls, is told once with the file, and comes when it can', async () => {
    const { log, lines } = listeningLog();
    const latch = createLatch();
    const { call, lane } = await startLane({ poolMaxThreads: 3 }, log, { folders: [fixtureTasks, breaking] });
    process.env.FAIL_THREADS = '1';
    onTestFinished(() => void delete process.env.FAIL_THREADS);
    const first = call('latch', { memory: latch.memory, gate: 1 });
    await latch.begun(1);
    const waiting = Array.from({ length: 8 }, () => outcome(call('breaking', {})));
    const told = () => lines.filter(({ msg }) => String(msg).startsWith('a thread could not be started'));
    await expect.poll(told).toHaveLength(1);
    // The calls are for the first thread: no other takes them, and fails them.
    latch.open(1);
    expect(await outcome(first)).toMatchObject({ gate: 1 });
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => ({ ok: true })));
    expect(told()).toMatchObject([
      {
        reason: `${breaking}/breaking.js: cannot be imported in a thread: no such native file`,
        err: { message: 'no such native file', stack: expect.stringContaining('breaking.js') },
      },
    ]);
    delete process.env.FAIL_THREADS;
    const again = createLatch();
    const calls = [1, 2].map(() => outcome(call('latch', { memory: again.memory, gate: 1 })));
    await again.begun(2);
    expect(lane.status().threads.busy).toBe(2);
    again.open(1);
    expect(await Promise.all(calls)).toMatchObject([{ gate: 1 }, { gate: 1 }]);
  });

  it('ends the boot with the file named where there is no other', async () => {
    process.env.FAIL_THREADS = '1';
    onTestFinished(() => void delete process.env.FAIL_THREADS);
    const { log, lines } = listeningLog();
    await expect(startLane({}, log, { folders: [breaking] })).rejects.toThrow(TaskFileError);
    // Whoever boots says so; nothing is said of another try.
    expect(lines).toEqual([]);
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
    expect(lane.status().threads).toMatchObject({ busy: 2, idle: 0, max: 4 });
    // A third that had been started as well would be up before a fourth that is only asked for now.
    calls.push(call('latch', { memory: latch.memory, gate: 1 }));
    await latch.begun(3);
    expect(lane.status().threads).toMatchObject({ busy: 3, idle: 0, max: 4 });
    latch.open(1);
    expect(await Promise.all(calls.map(outcome))).toHaveLength(3);
    expect(lane.status().threads).toMatchObject({ busy: 0, idle: 3, max: 4 });
  });
});
