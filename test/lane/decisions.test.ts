import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { monotonicMs } from '#src/clock.js';
import { setAlarm } from '#src/lane/alarm.js';
import { createKindEstimate } from '#src/lane/cost/estimate.js';
import { batchSize, isBatchable, isLong, longCapacity, runsInline } from '#src/lane/placement.js';
import { allowedWaitMs, isFull, retryAfterSeconds } from '#src/lane/waiting/admission.js';
import { createDrainRate } from '#src/lane/waiting/drain-rate.js';

describe('admission', () => {
  it.each([
    [{ waiting: 9, waitingLong: 0, room: 0, longRoom: 0 }, false, false],
    [{ waiting: 10, waitingLong: 0, room: 0, longRoom: 0 }, true, true],
    [{ waiting: 11, waitingLong: 0, room: 2, longRoom: 1 }, false, false],
    [{ waiting: 12, waitingLong: 0, room: 2, longRoom: 1 }, true, true],
    // Threads that long calls may not have are room for others only, however many long calls wait.
    [{ waiting: 0, waitingLong: 9, room: 1, longRoom: 0 }, false, false],
    [{ waiting: 0, waitingLong: 10, room: 1, longRoom: 0 }, false, true],
    [{ waiting: 1, waitingLong: 10, room: 1, longRoom: 0 }, true, true],
    [{ waiting: 0, waitingLong: 10, room: 0, longRoom: 0 }, true, true],
    [{ waiting: 0, waitingLong: 12, room: 2, longRoom: 1 }, false, true],
    [{ waiting: 5, waitingLong: 5, room: 0, longRoom: 0 }, true, true],
  ])('of a queue of 10 under %o is full for a short call: %s, for a long one: %s', (load, short, long) => {
    const full = (isLong: boolean) => isFull(10, { ...load, held: 0 }, isLong, false);
    expect([full(false), full(true)]).toEqual([short, long]);
  });

  it('counts what tasks hold, and takes no held call for one that starts at once', () => {
    const load = { waiting: 0, waitingLong: 0, held: 10, room: 1, longRoom: 1 };
    expect([isFull(10, load, false, false), isFull(10, load, false, true)]).toEqual([false, true]);
    expect(isFull(10, { ...load, room: 0, longRoom: 0 }, false, false)).toBe(true);
    expect(isFull(11, { ...load, room: 0, longRoom: 0 }, false, true)).toBe(false);
  });

  it('allows the shorter of the setting and what the deadline leaves', () => {
    const limits = { maxQueue: 1, maxWaitMs: 5_000 };
    expect(allowedWaitMs(limits, 100, undefined)).toBe(5_000);
    expect(allowedWaitMs(limits, 100, 1_100)).toBe(1_000);
    expect(allowedWaitMs(limits, 100, 90_000)).toBe(5_000);
  });

  it('asks to come back after the excess has drained: whole seconds from 1 to 60, spread', () => {
    expect(retryAfterSeconds(10_000_000, 2_000_000, 0)).toBe(5);
    expect(retryAfterSeconds(10_000_000, 2_000_000, 0.9)).toBe(9);
    expect(retryAfterSeconds(0, 2_000_000, 0)).toBe(1);
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e15, noNaN: true }),
        fc.double({ min: 0, max: 1e9, noNaN: true }),
        (excess, rate) => {
          const seconds = retryAfterSeconds(excess, rate, 0.5);
          expect(Number.isInteger(seconds) && seconds >= 1 && seconds <= 60).toBe(true);
        },
      ),
    );
  });

  it('measures the drain while there is work only', () => {
    const rate = createDrainRate(2_000_000);
    expect(rate.usPerSecond(0)).toBe(2_000_000);
    rate.began(0);
    for (let ms = 100; ms <= 20_000; ms += 100) rate.done(50_000, ms);
    expect(rate.usPerSecond(20_000) / 500_000).toBeCloseTo(1, 1);
    rate.rested(20_000);
    expect(rate.usPerSecond(900_000) / 500_000).toBeCloseTo(1, 1);
  });
});

describe('placement', () => {
  const known = (cost: number, ratio: number) => {
    const kind = createKindEstimate();
    for (let run = 0; run < 20; run++) kind.learn(cost, cost * ratio, true);
    return kind;
  };

  it.each([
    ['a known, short call', known(50, 1), 50, 50, true],
    ['a known call that is longer than allowed', known(50, 1), 51, 50, false],
    ['a short call that states too much', known(4_000, 0.01), 4_000, 50, true],
    ['a long call that states too little', known(1, 1_000), 1, 50, false],
    ['a call that is much smaller than what is known', known(1_000, 1), 1, 50, false],
    ['an unknown kind', createKindEstimate(), 1, 50, false],
    ['anything, where inline is off', known(0.1, 0.001), 0.1, 0, false],
  ])('of %s', (_, kind, cost, inlineMaxUs, inline) => {
    expect(runsInline({ kind, cost, vouched: true }, inlineMaxUs, 0)).toBe(inline);
    expect(runsInline({ kind, cost, vouched: false }, inlineMaxUs, 0)).toBe(false);
  });

  it.each([
    [200, true],
    [401, false],
    [900, false],
  ])(
    'a call inline of which one run in three takes %d µs, the others 10, where 50 are allowed: %s',
    (us, inline) => {
      const kind = createKindEstimate();
      for (let run = 0; run < 30; run++) kind.learn(10, run % 3 === 0 ? us : 10, true);
      expect(runsInline({ kind, cost: 10, vouched: true }, 50, 0)).toBe(inline);
    },
  );

  it('batches only what is known and short', () => {
    expect(isBatchable(known(500, 1), 500)).toBe(true);
    expect(isBatchable(known(500, 1), 501)).toBe(false);
    expect(isBatchable(createKindEstimate(), 1)).toBe(false);
  });

  const batchable = (estimateUs: number) => ({ estimateUs, batchable: true });
  it.each([
    ['one call alone', [batchable(100)], 1, 1],
    ['about a millisecond of work', Array.from({ length: 64 }, () => batchable(100)), 1, 10],
    ['no more than the most', Array.from({ length: 200 }, () => batchable(1)), 1, 64],
    ['what other free threads leave', Array.from({ length: 8 }, () => batchable(10)), 4, 2],
    [
      'up to the first that is not batchable',
      [batchable(1), batchable(1), { estimateUs: 1, batchable: false }],
      1,
      2,
    ],
    ['one that is not batchable alone', [{ estimateUs: 9e9, batchable: false }, batchable(1)], 1, 1],
  ])('sends %s in a message', (_, calls, freeThreads, size) => {
    expect(batchSize((index) => calls[index], calls.length, freeThreads, 64)).toBe(size);
  });

  it.each([
    [1, 1],
    [2, 1],
    [3, 2],
    [16, 15],
  ])('of %i threads leaves long calls %i', (threads, capacity) => {
    expect(longCapacity(threads)).toBe(capacity);
  });

  it('calls long what is estimated at 100 ms or more', () => {
    expect([99_999, 100_000].map(isLong)).toEqual([false, true]);
  });
});

describe('an alarm', () => {
  it('rings once, never before its time, and never when cleared', async () => {
    const rung: number[] = [];
    const startMs = monotonicMs();
    const moments = [30, 10.5, 20, 10, 0, -5];
    const done = new Promise<void>((resolve) => {
      setAlarm(startMs + 40, resolve);
    });
    for (const ms of moments) setAlarm(startMs + ms, () => rung.push(monotonicMs() - startMs - ms));
    const cleared = [5, 15, 35].map((ms) => setAlarm(startMs + ms, () => rung.push(-1_000)));
    for (const alarm of [...cleared, ...cleared]) alarm.clear();
    // Node reckons from the beginning of this turn.
    while (monotonicMs() - startMs < 8);
    await done;
    expect(rung).toHaveLength(moments.length);
    expect(Math.min(...rung)).toBeGreaterThanOrEqual(0);
  });
});
