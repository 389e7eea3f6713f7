import { expect, it } from 'vitest';
import type { TestLane } from '../support/lane.js';
import { createLatch, type Latch, outcome, startLane } from '../support/lane.js';

const held = ({ call }: TestLane, latch: Latch, gate: number, options = {}) =>
  call('latch', { memory: latch.memory, gate }, options);
const job = (client: string) => ({ client: `job:${client}`, job: { chargedTo: client } });

it('jobs never have all threads, and wait behind every call', async () => {
  const test = await startLane({ poolMaxThreads: 3 });
  const latch = createLatch();
  const jobs = [1, 2, 3].map((gate) => held(test, latch, gate, job('ann')));
  await latch.begun(2);
  expect(test.lane.jobRoom()).toEqual({ most: 2, now: 2 });
  // The third thread is a call's; the next calls wait, and the third job behind them.
  const calls = [4, 5].map((gate) => held(test, latch, gate));
  await latch.begun(3);
  expect(test.lane.jobRoom().now).toBe(0);
  expect(test.lane.status()).toMatchObject({ threads: { busy: 3 }, queue: { waiting: 1 } });
  latch.open(1);
  await latch.begun(4);
  latch.open(4);
  expect(await outcome(calls[0] ?? test.call('quick', {}))).toMatchObject({ gate: 4 });
  expect(latch.count()).toBe(4);
  latch.open(5);
  expect(await outcome(calls[1] ?? test.call('quick', {}))).toMatchObject({ gate: 5 });
  latch.open(2);
  latch.open(3);
  for (const one of jobs) expect(await outcome(one)).toMatchObject({ gate: expect.any(Number) });
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

it('a job that waits is cancelled, and one thread is enough for jobs, too', async () => {
  const test = await startLane({ poolMaxThreads: 1 });
  const latch = createLatch();
  const first = held(test, latch, 1, job('ann'));
  await latch.begun(1);
  const second = held(test, latch, 2, job('ann'));
  second.cancel();
  expect(await outcome(second)).toBe('CallCancelled');
  latch.open(1);
  expect(await outcome(first)).toMatchObject({ gate: 1 });
  expect(latch.count()).toBe(1);
});

it('a body is checked in a thread without being run', async () => {
  const { lane, task } = await startLane();
  const check = (text: string) =>
    lane.call(task('sum'), { type: 'check', bytes: new Uint8Array(Buffer.from(text)) }, { client: 'ann' });
  expect(await outcome(check('{"a":1'))).toBe('MALFORMED_BODY');
  expect(await outcome(check('{"what":1}'))).toBe('INVALID_INPUT');
});
