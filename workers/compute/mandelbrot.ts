// mandelbrot: a picture of the Mandelbrot set by escape time, with smooth colouring
// (https://en.wikipedia.org/wiki/Plotting_algorithms_for_the_Mandelbrot_set#Continuous_(smooth)_coloring).
import { defineOperation } from './operation.js';

export const maxSide = 2_048;
export const maxIterations = 5_000;
/** Pixels × iterations: about six seconds where every pixel lies in the set. */
export const maxSteps = 1_500_000_000;
/** Steps between two looks at the signal: well below a millisecond. */
const stepsPerCheck = 100_000;
/** |z|² beyond which a point has escaped: larger than 4, so that the colours are smooth. */
const escapeBound = 256;
/** Colours a step moves on by; the palette comes round every 32 steps. */
const coloursPerStep = 8;
const insideColour = 0;

interface View {
  readonly width: number;
  readonly height: number;
  readonly centerX: number;
  readonly centerY: number;
  readonly scale: number;
  readonly iterations: number;
}

export const mandelbrot = defineOperation<View, Promise<Uint8Array>>({
  // Between a view that escapes at once and one that lies in the set: the steps, at a third of what each costs.
  costUs: ({ width, height, iterations }) => 100 + width * height * (0.06 + 0.0006 * iterations),
  async run({ width, height, centerX, centerY, scale, iterations }, signal) {
    const { encode } = await import('fast-png');
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
