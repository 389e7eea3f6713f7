// fibonacci: F(n) exactly, by fast doubling: F(2k) = F(k) (2 F(k+1) − F(k)), F(2k+1) = F(k+1)² + F(k)²
// (D. Takahashi, "A fast algorithm for computing large Fibonacci numbers", Information Processing Letters 75, 2000).
import { z } from 'zod';
import { defineOperation } from './operation.js';

/** The last doubling and the printing of the decimal digits cannot be interrupted: this bounds them. */
const maxN = 1_000_000;

export const fibonacciOutput = z.strictObject({ value: z.string().describe('F(n) in decimal.') });

export const fibonacci = defineOperation({
  input: z
    .strictObject({
      operation: z.literal('fibonacci'),
      n: z.int().min(0).max(maxN).describe('Which number: F(0) = 0, F(1) = 1.'),
    })
    .describe('A Fibonacci number, exactly.'),
  costUs: ({ n }) => 5 + n * 0.004 + n ** 1.6 * 0.00002,
  run({ n }, signal): z.input<typeof fibonacciOutput> {
    let [current, following] = [0n, 1n];
    for (let bit = 31 - Math.clz32(n); n > 0 && bit >= 0; bit--) {
      signal.throwIfAborted();
      const even = current * (2n * following - current);
      const odd = following * following + current * current;
      [current, following] = (n >>> bit) & 1 ? [odd, even + odd] : [even, odd];
    }
    signal.throwIfAborted();
    return { value: current.toString() };
  },
});
