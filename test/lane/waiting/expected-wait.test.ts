import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectedWait, type WorkAhead } from '#src/lane/waiting/expected-wait.js';

const s = 1_000_000;
const short = (remainingUs: number) => ({ remainingUs, isLong: false });
const long = (remainingUs: number) => ({ remainingUs, isLong: true });
const nothing: WorkAhead = { shortUs: 0, longUs: 0, longs: 0 };

describe('the expected wait', () => {
  it.each([
    ['nothing where a thread is free', 1, nothing, [short(5 * s)], 2, 0],
    ['what is left of the first to be free', 1, nothing, [short(5 * s), short(2 * s)], 2, 2 * s],
    ['nothing of one that is busy for long', 1, { ...nothing, shortUs: 5_000 }, [long(12 * s)], 2, 5_000],
    ['the work ahead, shared', 1, { ...nothing, shortUs: 3 * s }, [short(s), short(2 * s)], 2, 3 * s],
    ['all of it on one thread', 1, { shortUs: s, longUs: 2 * s, longs: 2 }, [short(s)], 1, 4 * s],
    [
      'nothing for long calls: one thread is kept',
      1,
      { ...nothing, longUs: 9 * s, longs: 3 },
      [long(s)],
      2,
      0,
    ],
    [
      'a short call’s rest, not the long ones ahead',
      1,
      { ...nothing, longUs: 9 * s, longs: 3 },
      [long(s), short(5)],
      2,
      5,
    ],
    [
      'for long calls that may still take a thread',
      1,
      { ...nothing, longUs: 9 * s, longs: 1 },
      [short(7), short(5)],
      2,
      7,
    ],
    ['of a long call, for a thread that it may have', s, nothing, [long(12 * s)], 2, 12 * s],
    ['of a long call on three threads', s, nothing, [long(12 * s)], 3, 0],
  ])('is %s', (_, estimateUs, ahead, busy, max, waitUs) => {
    expect(expectedWait(estimateUs, ahead, busy, max).waitUs).toBe(waitUs);
  });

  const remaining = fc.array(fc.nat(1_000_000), { minLength: 1, maxLength: 8 });

  it('is when the threads will have taken up the work ahead, those that are busy beyond it aside', () => {
    fc.assert(
      fc.property(remaining, fc.nat(10_000_000), (left, shortUs) => {
        const { waitUs } = expectedWait(1, { ...nothing, shortUs }, left.map(short), left.length);
        const taken = left.reduce((sum, leftUs) => sum + Math.max(0, waitUs - leftUs), 0);
        expect(taken).toBeCloseTo(shortUs, 3);
        expect(waitUs).toBeGreaterThanOrEqual(Math.min(...left));
        const even = (shortUs + left.reduce((sum, leftUs) => sum + leftUs, 0)) / left.length;
        if (left.every((leftUs) => leftUs <= even)) expect(waitUs).toBeCloseTo(even, 3);
      }),
    );
  });

  it('is never longer for a short call than for a long one at the same place', () => {
    const busy = fc.array(fc.record({ remainingUs: fc.nat(1_000_000), isLong: fc.boolean() }), {
      maxLength: 8,
    });
    const ahead = fc.record({ shortUs: fc.nat(10_000_000), longUs: fc.nat(10_000_000), longs: fc.nat(5) });
    fc.assert(
      fc.property(busy, ahead, fc.nat(3), (threads, work, idle) => {
        const max = Math.max(1, threads.length + idle);
        const [waits, waitsLong] = [1, s].map((us) => expectedWait(us, work, threads, max).waitUs);
        expect(waits).toBeLessThanOrEqual(waitsLong ?? -1);
      }),
    );
  });
});
