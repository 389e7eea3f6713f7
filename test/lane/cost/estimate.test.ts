import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundCost, createEstimates, createKindEstimate } from '#src/lane/cost/estimate.js';

describe('the estimate of a kind', () => {
  it('is the stated cost until something was measured', () => {
    const kind = createKindEstimate();
    expect([kind.likelyUs(120), kind.p90Us(120), kind.isKnown(120)]).toEqual([120, 120, false]);
  });

  it('follows the measured runs, whatever the task states', () => {
    const kind = createKindEstimate();
    for (let run = 0; run < 20; run++) kind.learn(100, 250, true);
    expect(kind.likelyUs(200)).toBeCloseTo(500);
    expect([100, 200, 1_000].map(kind.isKnown)).toEqual([true, true, false]);
  });

  it('is not moved by a few outliers, and forgets what is long ago', () => {
    const kind = createKindEstimate();
    for (let run = 0; run < 3; run++) kind.learn(10, 10_000, true);
    for (let run = 0; run < 40; run++) kind.learn(10, 10, true);
    expect(kind.likelyUs(10)).toBeCloseTo(10);
    expect(kind.p90Us(10)).toBeCloseTo(10);
  });

  it('is within bounds, whatever was measured, and as long as a lie is long', () => {
    const kind = createKindEstimate();
    for (let run = 0; run < 40; run++) kind.learn(0.1, 3.6e12, true);
    for (let run = 0; run < 40; run++) kind.learn(1_000, 0, true);
    for (let run = 0; run < 40; run++) kind.learn(1, 1_500_000, true);
    expect([0.1, 1_000, 1].map(kind.likelyUs)).toEqual([3.6e9, 0.1, 1_500_000]);
  });

  it('of a large call does not follow what tiny ones took beyond their statement', () => {
    const kind = createKindEstimate();
    for (let run = 0; run < 40; run++) kind.learn(2, 170, true);
    expect(kind.likelyUs(2)).toBeCloseTo(170);
    expect(kind.likelyUs(1_000_000)).toBeCloseTo(1_000_000, -3);
    for (let run = 0; run < 3; run++) kind.learn(1_000_000, 2_000_000, true);
    expect(kind.likelyUs(1_000_000)).toBeCloseTo(2_000_000);
    expect(kind.likelyUs(2)).toBeCloseTo(170);
  });

  it('of a large call follows small ones that state too much, of a small call the nearest larger ones', () => {
    const kind = createKindEstimate();
    for (let run = 0; run < 20; run++) kind.learn(1_000, 20, true);
    expect(kind.likelyUs(100_000)).toBeCloseTo(2_000, -1);
    expect(kind.likelyUs(10)).toBeCloseTo(0.2);
  });

  it('never exceeds what was measured nearby and what is stated, where it is borrowed', () => {
    const costs = fc.double({ min: 0.1, max: 3.6e9, noNaN: true });
    fc.assert(
      fc.property(costs, costs, fc.double({ min: 0, max: 3.6e9, noNaN: true }), (cost, runUs, asked) => {
        const kind = createKindEstimate();
        kind.learn(cost, runUs, true);
        // A window is a factor of four wide, the lowest of ten.
        expect(kind.likelyUs(boundCost(asked))).toBeLessThanOrEqual(10 * runUs + boundCost(asked) + 1);
      }),
    );
  });

  it('is not known by less than 20 runs, nor where a run was ever asynchronous', () => {
    const few = createKindEstimate();
    for (let run = 0; run < 19; run++) few.learn(1, 1, true);
    expect(few.isKnown(1)).toBe(false);
    const sometimesAsync = createKindEstimate();
    for (let run = 0; run < 100; run++) sometimesAsync.learn(1, 1, run !== 50);
    expect(sometimesAsync.isKnown(1)).toBe(false);
  });

  it('lets a few surprises pass, demotes after five, for longer each time', () => {
    const kind = createKindEstimate();
    const learnOnThreads = () => {
      for (let run = 0; run < 20; run++) kind.learn(1, 1, true);
    };
    learnOnThreads();
    for (let run = 0; run < 4; run++) kind.learnInline(1, 300, 200, 0);
    expect(kind.mayRunInline(1, 0)).toBe(true);
    kind.learnInline(1, 300, 200, 0);
    expect(kind.mayRunInline(1, 0)).toBe(false);
    expect(kind.mayRunInline(1, 20_000)).toBe(false);
    learnOnThreads();
    expect(kind.mayRunInline(1, 9_999)).toBe(false);
    expect(kind.mayRunInline(1, 10_000)).toBe(true);
    for (let run = 0; run < 5; run++) kind.learnInline(1, 300, 200, 10_000);
    learnOnThreads();
    expect(kind.mayRunInline(1, 29_999)).toBe(false);
    expect(kind.mayRunInline(1, 30_000)).toBe(true);
  });

  it('demotes after two shocks', () => {
    const kind = createKindEstimate();
    for (let run = 0; run < 20; run++) kind.learn(1, 1, true);
    kind.learnInline(1, 25_000, 200, 0);
    expect(kind.mayRunInline(1, 1)).toBe(true);
    kind.learnInline(1, 25_000, 200, 0);
    expect(kind.mayRunInline(1, 1)).toBe(false);
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
