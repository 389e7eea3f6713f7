// fibonacci: F(n) exactly, by fast doubling: F(2k) = F(k) (2 F(k+1) − F(k)), F(2k+1) = F(k+1)² + F(k)²
// (D. Takahashi, "A fast algorithm for computing large Fibonacci numbers", Information Processing Letters 75, 2000).
import { defineOperation } from './operation.js';

/** The last doubling and the printing of the decimal digits cannot be interrupted: this bounds them. */
export const maxN = 1_000_000;

export const fibonacci = defineOperation<{ readonly n: number }, { value: string }>({
  costUs: ({ n }) => 5 + n * 0.004 + n ** 1.6 * 0.00002,
  run({ n }, signal) {
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
