import { describe, expect, it } from 'vitest';
import { boundCost, createEstimates, createKindEstimate } from '#src/lane/estimate.js';

describe('the estimate of a kind', () => {
  it('is the stated cost until something was measured', () => {
    const kind = createKindEstimate();
    expect([kind.likelyUs(120), kind.p90Us(120), kind.known]).toEqual([120, 120, false]);
  });

  it('follows the measured runs, whatever the task states', () => {
    const kind = createKindEstimate();
    for (let run = 0; run < 20; run++) kind.learn(100, 250, true);
    expect(kind.likelyUs(1_000)).toBeCloseTo(2_500);
    expect(kind.known).toBe(true);
  });

  it('is not moved by a few outliers, and forgets what is long ago', () => {
    const kind = createKindEstimate();
    for (let run = 0; run < 3; run++) kind.learn(10, 10_000, true);
    for (let run = 0; run < 40; run++) kind.learn(10, 10, true);
    expect(kind.likelyUs(10)).toBeCloseTo(10);
    expect(kind.p90Us(10)).toBeCloseTo(10);
  });

  it('keeps its correction within bounds', () => {
    const kind = createKindEstimate();
    for (let run = 0; run < 40; run++) kind.learn(0.1, 3.6e12, true);
    expect(kind.likelyUs(1)).toBe(1e4);
  });

  it('is not known by less than 20 runs, nor where a run was ever asynchronous', () => {
    const few = createKindEstimate();
    for (let run = 0; run < 19; run++) few.learn(1, 1, true);
    expect(few.known).toBe(false);
    const sometimesAsync = createKindEstimate();
    for (let run = 0; run < 100; run++) sometimesAsync.learn(1, 1, run !== 50);
    expect(sometimesAsync.known).toBe(false);
  });

  it('lets a few surprises pass, demotes after five, for longer each time', () => {
    const kind = createKindEstimate();
    const learnOnThreads = () => {
      for (let run = 0; run < 20; run++) kind.learn(1, 1, true);
    };
    learnOnThreads();
    for (let run = 0; run < 4; run++) kind.learnInline(1, 300, 200, 0);
    expect(kind.mayRunInline(0)).toBe(true);
    kind.learnInline(1, 300, 200, 0);
    expect(kind.mayRunInline(0)).toBe(false);
    expect(kind.mayRunInline(20_000)).toBe(false);
    learnOnThreads();
    expect(kind.mayRunInline(9_999)).toBe(false);
    expect(kind.mayRunInline(10_000)).toBe(true);
    for (let run = 0; run < 5; run++) kind.learnInline(1, 300, 200, 10_000);
    learnOnThreads();
    expect(kind.mayRunInline(29_999)).toBe(false);
    expect(kind.mayRunInline(30_000)).toBe(true);
  });

  it('demotes after two shocks', () => {
    const kind = createKindEstimate();
    for (let run = 0; run < 20; run++) kind.learn(1, 1, true);
    kind.learnInline(1, 25_000, 200, 0);
    expect(kind.mayRunInline(1)).toBe(true);
    kind.learnInline(1, 25_000, 200, 0);
    expect(kind.mayRunInline(1)).toBe(false);
  });
});

describe('estimates', () => {
  it('hold a bounded number of kinds per task', () => {
    const estimates = createEstimates();
    const kinds = new Set(
      Array.from({ length: 1_000 }, (_, index) => estimates.kind('task', `kind ${index}`)),
    );
    expect(kinds.size).toBe(65);
    expect(estimates.kind('task', 'kind 1')).toBe(estimates.kind('task', 'kind 1'));
    expect(estimates.kind('other', 'kind 1')).not.toBe(estimates.kind('task', 'kind 1'));
  });

  it.each([
    [undefined, 1_000],
    [Number.NaN, 1_000],
    ['much', 1_000],
    [-5, 0.1],
    [0, 0.1],
    [Number.POSITIVE_INFINITY, 3.6e9],
    [12.5, 12.5],
  ])('take the stated cost %s as %d µs', (stated, used) => {
    expect(boundCost(stated)).toBe(used);
  });
});
