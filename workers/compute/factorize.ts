// factorize: the prime factors of a number of up to 24 digits. Trial division for the small ones, then Pollard's rho
// (R. P. Brent, "An improved Monte Carlo factorization algorithm", BIT 20, 1980). That a factor is prime is proved:
// primality.ts.
import { defineOperation } from './operation.js';
import { isPrime } from './primality.js';

export const maxDigits = 24;
const trialLimit = 1_000n;
/** Differences that are multiplied before one gcd, and between two looks at the signal. */
const batch = 256;

export const factorize = defineOperation<
  { readonly n: string },
  { factors: [prime: string, exponent: number][] }
>({
  // The hardest numbers have two factors of equal size; rho needs about the root of the smaller one.
  costUs: ({ n }) => 50 + 0.45 * Number(n) ** 0.25,
  run({ n }, signal) {
    const exponents = new Map<bigint, number>();
    const note = (prime: bigint) => exponents.set(prime, (exponents.get(prime) ?? 0) + 1);
    const pending = [withoutSmallFactors(BigInt(n), note)];
    for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
      if (part === 1n) continue;
      if (part < trialLimit * trialLimit || isPrime(part)) {
        note(part);
        continue;
      }
      const divisor = properDivisor(part, () => signal.throwIfAborted());
      pending.push(divisor, part / divisor);
    }
    const ascending = [...exponents].sort(([p], [q]) => (p < q ? -1 : 1));
    return { factors: ascending.map(([prime, exponent]) => [prime.toString(), exponent]) };
  },
});

/** Divides out every prime below the trial limit. */
function withoutSmallFactors(n: bigint, note: (prime: bigint) => void): bigint {
  let rest = n;
  for (let divisor = 2n; divisor < trialLimit; divisor += divisor === 2n ? 1n : 2n) {
    while (rest % divisor === 0n) {
      note(divisor);
      rest /= divisor;
    }
  }
  return rest;
}

/** A divisor of a composite odd n that is neither 1 nor n. */
function properDivisor(n: bigint, checkpoint: () => void): bigint {
  for (let constant = 1n; ; constant++) {
    const divisor = brent(n, constant, checkpoint);
    if (divisor !== n) return divisor;
  }
}

/** Brent's cycle search in x² + constant: a divisor above 1, or n where this sequence finds none. */
function brent(n: bigint, constant: bigint, checkpoint: () => void): bigint {
  const step = (x: bigint) => (x * x + constant) % n;
  let y = 2n;
  for (let power = 1; ; power *= 2) {
    const anchor = y;
    for (let i = 0; i < power; i++) {
      if (i % batch === 0) checkpoint();
      y = step(y);
    }
    for (let done = 0; done < power; done += batch) {
      checkpoint();
      const before = y;
      const length = Math.min(batch, power - done);
      let product = 1n;
      for (let i = 0; i < length; i++) {
        y = step(y);
        product = (product * (y > anchor ? y - anchor : anchor - y)) % n;
      }
      if (greatestCommonDivisor(product, n) === 1n) continue;
      // A divisor lies in this batch: once more, one by one, for several may have met in the product.
      for (let x = before; ; ) {
        x = step(x);
        const divisor = greatestCommonDivisor(x > anchor ? x - anchor : anchor - x, n);
        if (divisor > 1n) return divisor;
      }
    }
  }
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a, b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}
