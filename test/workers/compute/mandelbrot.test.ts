import { decode } from 'fast-png';
import { describe, expect, test } from 'vitest';
import compute from '#workers/compute.js';
import { issuePaths, runTask } from '../../support/run-task.js';

const whole = {
  operation: 'mandelbrot',
  width: 61,
  height: 41,
  centerX: -0.5,
  centerY: 0,
  scale: 3,
  iterations: 200,
};

/** The picture as indices into its palette, where 0 is black: inside. */
async function picture(input: Record<string, unknown>) {
  const bytes = await runTask(compute, input);
  if (!(bytes instanceof Uint8Array)) throw new Error('no bytes');
  return decode(bytes);
}

describe('mandelbrot', () => {
  test('is a PNG of the size asked for, with its palette', async () => {
    const { width, height, depth, channels, palette } = await picture(whole);
    expect({ width, height, depth, channels }).toEqual({ width: 61, height: 41, depth: 8, channels: 1 });
    expect(palette).toHaveLength(256);
    expect(palette?.[0]).toEqual([0, 0, 0]);
  });

  test('is black inside the set and coloured outside', async () => {
    const { data, width } = await picture(whole);
    const at = (column: number, row: number) => data[row * width + column];
    expect(at(30, 20)).toBe(0); // −0.5, in the cardioid
    expect(at(20, 20)).toBe(0); // −1, in the disc
    expect(at(0, 0)).not.toBe(0);
    expect(at(60, 20)).not.toBe(0);
  });

  test('is its own mirror image about the real axis', async () => {
    const { data, width, height } = await picture(whole);
    for (let row = 0; row < height; row++) {
      const mirrored = height - 1 - row;
      expect(data.slice(row * width, (row + 1) * width)).toEqual(
        data.slice(mirrored * width, (mirrored + 1) * width),
      );
    }
  });

  test('has a whole view by default', () => {
    expect(issuePaths(compute, { operation: 'mandelbrot', width: 10, height: 10 })).toEqual([]);
  });

  test.each<[Record<string, unknown>, string]>([
    [{ width: 0 }, 'width'],
    [{ width: 2_049 }, 'width'],
    [{ height: 1.5 }, 'height'],
    [{ scale: 0 }, 'scale'],
    [{ scale: -1 }, 'scale'],
    [{ scale: Number.NaN }, 'scale'],
    [{ centerX: 5 }, 'centerX'],
    [{ centerY: '0' }, 'centerY'],
    [{ iterations: 0 }, 'iterations'],
    [{ iterations: 5_001 }, 'iterations'],
    [{ width: 2_048, height: 2_048, iterations: 1_000 }, 'iterations'],
    [{ colour: 'red' }, ''],
  ])('is refused for %o', (change, path) => {
    expect(issuePaths(compute, { ...whole, ...change })).toContain(path);
  });
});
