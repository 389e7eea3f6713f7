import { readdirSync } from 'node:fs';
import { getPriority } from 'node:os';
import { describe, expect, it } from 'vitest';
import type { TestLane } from '../support/lane.js';
import { createLatch, type Latch, outcome, startLane } from '../support/lane.js';

const held = ({ call }: TestLane, latch: Latch, gate: number, options = {}) =>
  call('latch', { memory: latch.memory, gate }, options);
if (process.platform !== 'linux') console.log('skipped: threads have priorities of their own on Linux only');

/** Undefined where it has ended meanwhile. */
function niceOf(id: number): number | undefined {
  try {
    return getPriority(id);
  } catch {
    return undefined;
  }
}

const job = (client: string) => ({ client: `job:${client}`, job: { chargedTo: client } });

it('a call finds a thread while as many jobs run as may, and jobs wait behind every call', async () => {
  const test = await startLane({ poolMaxThreads: 3 });
  const latch = createLatch();
  const jobs = [1, 2, 3].map((gate) => held(test, latch, gate, job('ann')));
  await latch.begun(2);
  expect(test.lane.jobRoom()).toEqual({ most: 2, now: 2 });
  // Three calls begin beside the two jobs; the next one waits, and the third job behind it.
  const calls = [4, 5, 6, 7].map((gate) => held(test, latch, gate));
  await latch.begun(5);
  expect(test.lane.jobRoom().now).toBe(0);
  expect(test.lane.status()).toMatchObject({
    threads: { busy: 5, max: 5, forJobs: 2 },
    queue: { waiting: 1 },
  });
  // As many as the cores are busy yet, so no further job begins.
  latch.open(1);
  latch.open(4);
  await latch.begun(6);
  expect(await outcome(calls[0] ?? test.call('quick', {}))).toMatchObject({ gate: 4 });
  expect(await outcome(jobs[0] ?? test.call('quick', {}))).toMatchObject({ gate: 1 });
  expect(latch.count()).toBe(6);
  for (const gate of [2, 3, 5, 6, 7]) latch.open(gate);
  for (const one of [...jobs, ...calls])
    expect(await outcome(one)).toMatchObject({ gate: expect.any(Number) });
});

it('jobs do not count where it is said whether a call is let in', async () => {
  const test = await startLane({ poolMaxThreads: 2, poolMaxQueue: 0 });
  const latch = createLatch();
  const jobs = [1, 2, 3].map((gate) => held(test, latch, gate, job('ann')));
  await latch.begun(1);
  test.lane.checkRoom(test.task('latch'), 'bob');
  const calls = [4, 5].map((gate) => held(test, latch, gate));
  await latch.begun(2);
  expect(() => held(test, latch, 6)).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
  for (let gate = 1; gate <= 5; gate++) latch.open(gate);
  for (const one of [...jobs, ...calls])
    expect(await outcome(one)).toMatchObject({ gate: expect.any(Number) });
});

it('jobs are no part of the load, for calls go before them', async () => {
  const test = await startLane({ poolMaxThreads: 2 });
  const latch = createLatch();
  const running = held(test, latch, 1, job('ann'));
  await latch.begun(1);
  const waiting = held(test, latch, 2, job('ann'));
  expect(test.lane.load()).toEqual({ threadsBusyMs: 0, waitingMs: 0, expectedWaitMs: 0 });
  const call = held(test, latch, 3);
  await latch.begun(2);
  await expect.poll(() => test.lane.load().threadsBusyMs).toBeGreaterThan(0);
  for (let gate = 1; gate <= 3; gate++) latch.open(gate);
  for (const one of [running, waiting, call])
    expect(await outcome(one)).toMatchObject({ gate: expect.any(Number) });
});

it('a job that waits is cancelled, and with a single thread a call does not wait for a job’s end', async () => {
  const test = await startLane({ poolMaxThreads: 1 });
  const latch = createLatch();
  const first = held(test, latch, 1, job('ann'));
  await latch.begun(1);
  expect(await outcome(test.call('sum', { numbers: [1, 2] }))).toEqual({ sum: 3 });
  const second = held(test, latch, 2, job('ann'));
  second.cancel();
  expect(await outcome(second)).toBe('CallCancelled');
  latch.open(1);
  expect(await outcome(first)).toMatchObject({ gate: 1 });
  expect(latch.count()).toBe(1);
});

describe.runIf(process.platform === 'linux')('a thread that runs jobs', () => {
  /** Of all threads of this process those that have stepped back so far. */
  const steppedBack = (nice: number): number =>
    readdirSync('/proc/self/task').filter((id) => niceOf(Number(id)) === getPriority() + nice).length;

  it('leaves those of calls half as far behind the event loop, until it ends', async () => {
    const test = await startLane({ poolNice: 6, poolIdleTimeoutMs: 100, taskTimeoutMs: 600_000 });
    const latch = createLatch();
    expect([steppedBack(3), steppedBack(6)]).toEqual([0, 1]);
    const first = held(test, latch, 1, job('ann'));
    await latch.begun(1);
    await expect.poll(() => [steppedBack(3), steppedBack(6)]).toEqual([1, 1]);
    latch.open(1);
    await first.result;
    await expect.poll(() => [steppedBack(3), steppedBack(6)]).toEqual([0, 1]);
  });

  it('is one of those that calls had; the others of them end, and make room for such that go first', async () => {
    const test = await startLane({
      poolNice: 6,
      poolMaxThreads: 3,
      poolMinThreads: 3,
      taskTimeoutMs: 600_000,
    });
    const latch = createLatch();
    await expect.poll(() => [steppedBack(3), steppedBack(6)]).toEqual([0, 3]);
    const call = held(test, latch, 1);
    await latch.begun(1);
    const jobs = [2, 3].map((gate) => held(test, latch, gate, job('ann')));
    await latch.begun(2);
    // One is at the call, and goes when it has ended.
    await expect.poll(() => [steppedBack(3), steppedBack(6)]).toEqual([2, 2]);
    latch.open(1);
    await call.result;
    await latch.begun(3);
    await expect.poll(() => [steppedBack(3), steppedBack(6)]).toEqual([3, 2]);
    for (const gate of [2, 3]) latch.open(gate);
    for (const one of jobs) await one.result;
  });

  it('ends once there was no job for long, and not before the call’s thread is there that takes its place', async () => {
    const test = await startLane({ poolIdleTimeoutMs: 100, taskTimeoutMs: 600_000 });
    const latch = createLatch();
    const first = held(test, latch, 1, job('ann'));
    await latch.begun(1);
    await expect.poll(() => test.lane.status().threads).toMatchObject({ busy: 1, idle: 1, max: 3 });
    latch.open(1);
    await first.result;
    await expect.poll(() => test.lane.status().threads).toMatchObject({ busy: 0, idle: 1, max: 2 });
    expect(await outcome(test.call('sum', { numbers: [1, 2] }))).toEqual({ sum: 3 });
  });
});

it('a body is checked in a thread without being run', async () => {
  const { lane, task } = await startLane();
  const check = (text: string) =>
    lane.call(task('sum'), { type: 'check', bytes: new Uint8Array(Buffer.from(text)) }, { client: 'ann' });
  expect(await outcome(check('{"a":1'))).toBe('MALFORMED_BODY');
  expect(await outcome(check('{"what":1}'))).toBe('INVALID_INPUT');
});
