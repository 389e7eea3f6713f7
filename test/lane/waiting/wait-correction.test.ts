import { describe, expect, it } from 'vitest';
import { createWaitCorrection } from '#src/lane/waiting/wait-correction.js';

const second = 1_000_000;

describe('the error of estimated waits', () => {
  it('is none before anything was seen, and none where calls wait as long as estimated, or less', () => {
    const error = createWaitCorrection(0);
    expect(error.factor).toBe(1);
    for (let i = 0; i < 1_000; i++) error.waited(second, i % 2 === 0 ? second : second / 10);
    expect(error.factor).toBe(1);
  });

  it('is learned within a few calls and forgotten slowly', () => {
    const error = createWaitCorrection(0);
    for (let i = 0; i < 5; i++) error.waited(second, 1.4 * second);
    expect(error.factor).toBeCloseTo(1.4);
    for (let i = 0; i < 100; i++) error.waited(second, second);
    expect(error.factor).toBeCloseTo(1.3);
    for (let i = 0; i < 1_000; i++) error.waited(second, second);
    expect(error.factor).toBe(1);
  });

  it('does not go beyond two, however long a process was stopped', () => {
    const error = createWaitCorrection(0);
    for (let i = 0; i < 100; i++) error.waited(second, 1_000 * second);
    expect(error.factor).toBe(2);
  });

  it('learns nothing from short waits', () => {
    const error = createWaitCorrection(second);
    for (let i = 0; i < 100; i++) error.waited(second - 1, 10 * second);
    expect(error.factor).toBe(1);
  });

  it.each([0.2, 0.5, 0.9])(
    'is hardly exceeded by 97 of 100 calls that wait up to %d longer than estimated',
    (noise) => {
      const error = createWaitCorrection(0);
      let exceeded = 0;
      for (let i = 0; i < 10_000; i++) {
        // Spread evenly, in no order that could be learned.
        const ratio = 1 + ((i * 0.618_034) % 1) * noise;
        if (i >= 500 && ratio > error.factor + 0.02) exceeded++;
        error.waited(second, ratio * second);
      }
      expect(exceeded).toBeLessThan(0.03 * 9_500);
    },
  );
});
