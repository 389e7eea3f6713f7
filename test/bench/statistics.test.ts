import { describe, expect, test } from 'vitest';
import {
  latencySummary,
  median,
  percentile,
  pooledPercentile,
  ratio,
  slowest,
} from '../../bench/statistics.js';

describe('statistics of the bench', () => {
  test('a percentile is a value that was measured: the least one that this share does not exceed', () => {
    const sorted = Array.from({ length: 100 }, (_, index) => index + 1);
    expect(percentile(sorted, 0.5)).toBe(50);
    expect(percentile(sorted, 0.99)).toBe(99);
    expect(percentile(sorted, 0.999)).toBe(100);
    expect(percentile([7], 0.99)).toBe(7);
  });

  test('the median of an even number of rounds lies between the middle two', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([9, 1, 5])).toBe(5);
  });

  test('a ratio is made in each round, so that a slow round cancels out', () => {
    expect(ratio([10, 200], [5, 100])).toEqual({ median: 2, min: 2, max: 2 });
  });

  test('a summary takes latencies in any order', () => {
    expect(latencySummary([3, 1, 2])).toMatchObject({ count: 3, p50: 2, max: 3 });
  });

  test('a percentile of several rounds is that of all their requests, from the slowest of each', () => {
    const rounds = [1_000, 1_500].map((count, round) =>
      Array.from({ length: count }, (_, i) => i + round / 2),
    );
    const counts = rounds.map(({ length }) => length);
    const all = rounds.flat().sort((a, b) => a - b);
    expect(pooledPercentile(counts, rounds.map(slowest), 0.999)).toBe(percentile(all, 0.999));
    // It lies below what was kept: no figure rather than a wrong one.
    expect(pooledPercentile(counts, rounds.map(slowest), 0.9)).toBeUndefined();
  });
});
