import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { LaneConfig } from '#src/lane/lane-deps.js';
import { createLatch, outcome, startLane, type TestLane } from '../support/lane.js';

/** Makes a kind known: 20 runs on threads, and some more so that the first, cold ones do not count. */
async function teach(lane: TestLane, value: object, runs = 60): Promise<void> {
  for (let run = 0; run < runs; run++) await lane.call('quick', value).result;
}

describe('short calls', () => {
  it('run on threads until they are known, then inline', async () => {
    const lane = await startLane({ inlineMaxUs: 1_000 });
    await teach(lane, { us: 5 });
    const lanes = lane.records.map((record) => record.lane);
    expect(new Set(lanes.slice(0, 20))).toEqual(new Set(['thread']));
    expect(lanes.at(-1)).toBe('inline');
    expect((await lane.call('quick', { us: 5 }).result).lane).toBe('inline');
  });

  it('never run inline where it is switched off', async () => {
    const lane = await startLane({ inlineMaxUs: 0 });
    await teach(lane, { us: 5 });
    expect(new Set(lane.records.map((record) => record.lane))).toEqual(new Set(['thread']));
  });

  it('stay on threads where this very input is estimated to take too long', async () => {
    const lane = await startLane({ inlineMaxUs: 1_000 });
    await teach(lane, { us: 5 });
    expect((await lane.call('quick', { us: 20_000 }).result).lane).toBe('thread');
  });

  it('that lie about their cost are met on a thread', async () => {
    const lane = await startLane({ inlineMaxUs: 50 });
    for (let run = 0; run < 40; run++) await lane.call('quick', { us: 2_000, lie: true }).result;
    expect(new Set(lane.records.map((record) => record.lane))).toEqual(new Set(['thread']));
  });

  it('fail inline as they fail on threads', async () => {
    const lane = await startLane({ inlineMaxUs: 50_000 });
    for (const how of ['function', 'throw null', 'nan', 'something else']) {
      const onThread = await outcome(lane.call('misbehave', { how }));
      for (let run = 0; run < 30; run++) await outcome(lane.call('misbehave', { how: 'ok' }));
      expect(await outcome(lane.call('misbehave', { how }))).toBe(onThread);
    }
  });
});

describe('calls in one message', () => {
  async function batchedLane(config: Partial<LaneConfig> = {}) {
    const lane = await startLane({ poolMaxThreads: 1, ...config });
    await teach(lane, { us: 5 });
    const latch = createLatch();
    const holding = lane.call('latch', { memory: latch.memory, gate: 1 });
    await latch.begun(1);
    return { lane, latch, holding };
  }

  it('are answered each with its own result', async () => {
    const { lane, latch, holding } = await batchedLane();
    const calls = Array.from({ length: 100 }, (_, index) => outcome(lane.call('quick', { us: index % 7 })));
    latch.open(1);
    await holding.result;
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 100 }, (_, index) => ({ us: index % 7 })));
  });

  it('lose only the one that kills the thread: those before keep their results, those behind run again', async () => {
    const { lane, latch } = await batchedLane();
    const ran = createLatch();
    const calls = Array.from({ length: 9 }, (_, index) =>
      outcome(lane.call('quick', { us: 5, die: index === 4, memory: ran.memory })),
    );
    latch.open(1);
    const outcomes = await Promise.all(calls);
    expect(outcomes).toEqual(outcomes.map((_, index) => (index === 4 ? 'THREAD_LOST' : { us: 5 })));
    expect(ran.count()).toBe(9);
  });

  it('are all answered but those that kill their thread, however many do', async () => {
    const { lane, latch } = await batchedLane();
    const kills = (index: number): boolean => index < 8 && index % 2 === 1;
    const calls = Array.from({ length: 12 }, (_, index) =>
      outcome(lane.call('quick', { us: 5, die: kills(index) })),
    );
    latch.open(1);
    expect(await Promise.all(calls)).toEqual(
      calls.map((_, index) => (kills(index) ? 'THREAD_LOST' : { us: 5 })),
    );
  });

  it('are all answered where the thread is ended for one that does not stop', async () => {
    const { lane, latch } = await batchedLane();
    const calls = Array.from({ length: 9 }, (_, index) =>
      lane.call('quick', { us: 5, memory: latch.memory, ...(index === 4 && { hold: 2 }) }),
    );
    latch.open(1);
    await latch.begun(6);
    calls[4]?.cancel();
    expect(await Promise.all(calls.map(outcome))).toEqual(
      calls.map((_, index) => (index === 4 ? 'CallCancelled' : { us: 5 })),
    );
    expect(latch.count()).toBe(10);
  });

  it('may each run as long as a call may, from its own start', async () => {
    const { lane, latch } = await batchedLane({ taskTimeoutMs: 10_000 });
    const calls = [2, 3].map((hold) => lane.call('quick', { us: 5, memory: latch.memory, hold }));
    const outcomes = Promise.all(calls.map(outcome));
    latch.open(1);
    for (const gate of [2, 3]) {
      await latch.begun(gate);
      await setTimeout(5_100);
      latch.open(gate);
    }
    expect(await outcomes).toEqual([{ us: 5 }, { us: 5 }]);
  });

  it('never run once cancelled, even inside a message', async () => {
    const { lane, latch } = await batchedLane();
    const ran = createLatch();
    const calls = Array.from({ length: 10 }, () => lane.call('quick', { us: 5, memory: ran.memory }));
    for (const call of calls.slice(3, 6)) call.cancel();
    latch.open(1);
    const outcomes = await Promise.all(calls.map(outcome));
    expect(outcomes.filter((one) => one === 'CallCancelled')).toHaveLength(3);
    expect(ran.count()).toBe(7);
  });
});

describe('clients', () => {
  it('are served in turn: a polite one waits for one call of a flooding one, not for all', async () => {
    const lane = await startLane({ poolMaxThreads: 1 });
    const latch = createLatch();
    lane.call('latch', { memory: latch.memory, gate: 1 }, { client: 'flood' }).result.catch(() => undefined);
    await latch.begun(1);
    const finished: string[] = [];
    const calls = [
      ...Array.from({ length: 50 }, () => lane.call('quick', { us: 2_000 }, { client: 'flood' })),
      lane.call('quick', { us: 2_000, tag: 'polite' }, { client: 'polite' }),
    ].map((call, index) => call.result.then(() => finished.push(index === 50 ? 'polite' : 'flood')));
    latch.open(1);
    await Promise.all(calls);
    expect(finished.indexOf('polite')).toBeLessThanOrEqual(2);
  });
});
