import { describe, expect, it } from 'vitest';
import { createLatch, outcome, startLane } from '../support/lane.js';

const longUs = 1_000_000;

describe('long calls', () => {
  it('never hold every thread, also before a short one was ever seen', async () => {
    const latch = createLatch();
    const { call } = await startLane({ poolMinThreads: 2, poolMaxThreads: 2 });
    const long = { memory: latch.memory, gate: 1, us: longUs };
    const calls = Array.from({ length: 4 }, () => call('latch', long));
    await latch.begun(1);
    for (let i = 0; i < 20; i++)
      // Each of a kind of its own: one that took long on a busy machine says nothing of the next.
      expect(await outcome(call('quick', { us: 5, tag: `${i}` }))).toEqual({ us: 5 });
    expect(latch.count()).toBe(1);
    latch.open(1);
    expect(await Promise.all(calls.map(outcome))).toHaveLength(4);
  });

  it('count for nothing in what others wait for', async () => {
    const latch = createLatch();
    const { call } = await startLane({ poolMaxThreads: 2, queueMaxWaitMs: 100 });
    const running = call('latch', { memory: latch.memory, gate: 1, us: 300_000_000 });
    await latch.begun(1);
    const calls = Array.from({ length: 9 }, () => call('quick', { us: 5_000 }));
    expect(await Promise.all(calls.map(outcome))).toHaveLength(9);
    expect(() => call('latch', { memory: latch.memory, gate: 1, us: 300_000_000 })).toThrow('wait');
    latch.open(1);
    await running.result;
  });

  it('hold the only thread where there is one', async () => {
    const latch = createLatch();
    const { call } = await startLane({ poolMaxThreads: 1 });
    latch.open(1);
    expect(await outcome(call('latch', { memory: latch.memory, gate: 1, us: longUs }))).toMatchObject({
      gate: 1,
    });
  });

  it('get their turn while shorter calls keep all threads busy', async () => {
    const latch = createLatch();
    latch.open(1);
    const { call } = await startLane({ poolMinThreads: 2, poolMaxThreads: 2 });
    let isAnswered = false;
    const clients = Array.from({ length: 6 }, async (_, index) => {
      while (!isAnswered) await call('quick', { us: 1_000 }, { client: `client ${index}` }).result;
    });
    const long = await outcome(
      call('latch', { memory: latch.memory, gate: 1, us: 100_000 }, { client: 'long' }),
    );
    isAnswered = true;
    await Promise.all(clients);
    expect(long).toMatchObject({ gate: 1 });
  });

  it('fill the queue for each other, not for short calls where a thread is free', async () => {
    const latch = createLatch();
    const { call, lane, task } = await startLane({ poolMaxQueue: 3, poolMaxThreads: 2 });
    const long = { memory: latch.memory, gate: 1, us: longUs };
    const calls = Array.from({ length: 4 }, () => call('latch', long));
    expect(() => call('latch', long)).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
    expect(lane.status().queue.waiting).toBe(3);
    const short = { memory: latch.memory, gate: 2 };
    lane.checkRoom(task('latch'), 'test');
    const first = call('latch', short);
    expect(() => lane.checkRoom(task('latch'), 'test')).toThrow(
      expect.objectContaining({ code: 'OVERLOADED' }),
    );
    expect(() => call('latch', short)).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
    latch.open(2);
    await first.result;
    lane.checkRoom(task('latch'), 'test');
    latch.open(1);
    expect(await Promise.all(calls.map(outcome))).toHaveLength(4);
  });
});
