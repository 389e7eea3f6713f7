// mandelbrot: a picture of the Mandelbrot set by escape time, with smooth colouring
// (https://en.wikipedia.org/wiki/Plotting_algorithms_for_the_Mandelbrot_set#Continuous_(smooth)_coloring).
import { encode } from 'fast-png';
import { z } from 'zod';
import { defineOperation } from './operation.js';

const maxSide = 2_048;
const maxIterations = 5_000;
/** Pixels × iterations: about six seconds where every pixel lies in the set. */
const maxSteps = 1_500_000_000;
/** Steps between two looks at the signal: well below a millisecond. */
const stepsPerCheck = 100_000;
/** |z|² beyond which a point has escaped: larger than 4, so that the colours are smooth. */
const escapeBound = 256;
/** Colours a step moves on by; the palette comes round every 32 steps. */
const coloursPerStep = 8;
const insideColour = 0;

export const mandelbrot = defineOperation({
  input: z
    .strictObject({
      operation: z.literal('mandelbrot'),
      width: z.int().min(1).max(maxSide).describe('Pixels.'),
      height: z.int().min(1).max(maxSide).describe('Pixels.'),
      centerX: z.number().min(-4).max(4).default(-0.5).describe('Real part of the centre.'),
      centerY: z.number().min(-4).max(4).default(0).describe('Imaginary part of the centre.'),
      scale: z.number().min(1e-13).max(16).default(3).describe('Width of the view in the complex plane.'),
      iterations: z
        .int()
        .min(1)
        .max(maxIterations)
        .default(256)
        .describe('Steps before a point counts as inside.'),
    })
    .refine(({ width, height, iterations }) => width * height * iterations <= maxSteps, {
      path: ['iterations'],
      message: `must be at most ${maxSteps} / (width × height)`,
    })
    .describe('Draw the Mandelbrot set as a PNG.'),
  // Between a view that escapes at once and one that lies in the set: the steps, at a third of what each costs.
  costUs: ({ width, height, iterations }) => 100 + width * height * (0.06 + 0.0006 * iterations),
  run({ width, height, centerX, centerY, scale, iterations }, signal): Uint8Array {
    // One byte a pixel, an index into the palette: a third of the memory and of the packing.
    const data = new Uint8Array(width * height);
    const pixel = scale / width;
    let sinceCheck = 0;
    for (let row = 0, at = 0; row < height; row++) {
      const y = centerY + ((height - 1) / 2 - row) * pixel;
      for (let column = 0; column < width; column++, at++) {
        const escaped = escapeTime(centerX + (column - (width - 1) / 2) * pixel, y, iterations);
        sinceCheck += escaped < 0 ? iterations : escaped + 1;
        if (sinceCheck >= stepsPerCheck) {
          signal.throwIfAborted();
          sinceCheck = 0;
        }
        data[at] = escaped < 0 ? insideColour : 1 + (Math.floor(escaped * coloursPerStep) % 255);
      }
    }
    signal.throwIfAborted();
    // Packing cannot be interrupted: about 0.3 s for the largest picture.
    return encode({ width, height, data, channels: 1, depth: 8, palette: palette() });
  },
});

/** Steps until |z|² passes the bound, with a fraction (smooth); -1 where it stays. */
function escapeTime(cx: number, cy: number, iterations: number): number {
  // The main cardioid and the disc left of it, where every point stays.
  const q = (cx - 0.25) ** 2 + cy * cy;
  if (q * (q + (cx - 0.25)) <= 0.25 * cy * cy || (cx + 1) ** 2 + cy * cy <= 0.0625) return -1;
  let [x, y, xx, yy] = [0, 0, 0, 0];
  for (let step = 0; step < iterations; step++) {
    y = 2 * x * y + cy;
    x = xx - yy + cx;
    xx = x * x;
    yy = y * y;
    if (xx + yy > escapeBound) return Math.max(0, step + 1 - Math.log2(Math.log2(xx + yy) / 2));
  }
  return -1;
}

/** Black for the set, then a closed ring of 255 colours (https://iquilezles.org/articles/palettes/). */
function palette(): number[][] {
  const wave = (turn: number) => Math.round(127.5 - 127.5 * Math.cos(2 * Math.PI * turn));
  const ring = Array.from({ length: 255 }, (_, i) => i / 255).map((turn) => [
    wave(turn + 0.1),
    wave(turn + 0.05),
    wave(turn - 0.15),
  ]);
  return [[0, 0, 0], ...ring];
}
