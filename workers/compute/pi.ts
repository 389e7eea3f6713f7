// pi: its decimal digits, exactly truncated, by Chudnovsky's series with binary splitting
// (H. Haible, T. Papanikolaou, "Fast multiprecision evaluation of series of rational numbers", ANTS-III, 1998).
import { defineOperation } from './operation.js';

/** The last multiplications and the printing cannot be interrupted: this bounds them. */
export const maxDigits = 100_000;
/** log10(640320³ / 1728): what a term of the series adds. */
const digitsPerTerm = 14.181647462725477;
const guardDigits = 12;

export const pi = defineOperation<{ readonly digits: number }, { value: string }>({
  costUs: ({ digits }) => 10 + digits * 0.1 + digits ** 1.7 * 0.0006,
  run({ digits }, signal) {
    for (let guard = guardDigits; ; guard *= 2) {
      const scaled = scaledPi(digits + guard, () => signal.throwIfAborted());
      signal.throwIfAborted();
      const text = scaled.toString();
      // The error is below 10^(guard/2) units of the last place. It reaches the digits asked for only through guard
      // digits that are all 9 or all 0; then there must be more of them.
      const carried = text.slice(1 + digits, 1 + digits + guard / 2);
      if (/^(9+|0+)$/.test(carried)) continue;
      return { value: digits === 0 ? '3' : `3.${text.slice(1, 1 + digits)}` };
    }
  },
});

/** π × 10^places, wrong by a few units of the last place. */
function scaledPi(places: number, checkpoint: () => void): bigint {
  const terms = Math.floor(places / digitsPerTerm) + 2;
  const [, q, r] = split(1n, BigInt(terms), checkpoint);
  checkpoint();
  const root = squareRoot(10_005n * 10n ** BigInt(2 * places), checkpoint);
  checkpoint();
  return (q * 426_880n * root) / (13_591_409n * q + r);
}

/** P, Q and R of the terms from `from` up to, not including, `to`. */
function split(from: bigint, to: bigint, checkpoint: () => void): [p: bigint, q: bigint, r: bigint] {
  if (to - from === 1n) {
    const p = -(6n * from - 5n) * (2n * from - 1n) * (6n * from - 1n);
    const q = 10_939_058_860_032_000n * from ** 3n;
    return [p, q, p * (545_140_134n * from + 13_591_409n)];
  }
  checkpoint();
  const middle = (from + to) / 2n;
  const [p1, q1, r1] = split(from, middle, checkpoint);
  const [p2, q2, r2] = split(middle, to, checkpoint);
  return [p1 * p2, q1 * q2, q2 * r1 + p1 * r2];
}

/** ⌊√n⌋: Newton's method from the root of the upper half of the bits, which leaves a step or two of full size. */
function squareRoot(n: bigint, checkpoint: () => void): bigint {
  if (n < 1n << 52n) return BigInt(Math.floor(Math.sqrt(Number(n))));
  const quarter = BigInt(n.toString(16).length);
  // Not below the root, so that every step goes down until the floor is reached.
  let root = (squareRoot(n >> (2n * quarter), checkpoint) + 1n) << quarter;
  for (;;) {
    checkpoint();
    const better = (root + n / root) >> 1n;
    if (better >= root) return root;
    root = better;
  }
}
