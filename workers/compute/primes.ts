// primes: how many primes there are up to a limit, and the largest. A segmented sieve of Eratosthenes over the odd
// numbers: C. Bays, R. H. Hudson, "The segmented sieve of Eratosthenes and primes in arithmetic progressions to
// 10^12", BIT 17 (1977); a segment stays in the cache.
import { defineOperation } from './operation.js';

export const maxLimit = 1_000_000_000;
/** Odd numbers in a segment, a byte each: about the size of a core's L2 cache. */
const segmentLength = 1 << 18;

export interface PrimesResult {
  count: number;
  largest: number | null;
}

export const primes = defineOperation<{ readonly limit: number }, PrimesResult>({
  costUs: ({ limit }) => 2 + limit * 0.004,
  run({ limit }, signal): PrimesResult {
    if (limit < 2) return { count: 0, largest: null };
    const root = Math.floor(Math.sqrt(limit));
    const basePrimes = oddPrimes(root);
    // Index i of the whole sieve stands for 2i + 1; next[k] is where basePrimes[k] strikes next.
    const next = basePrimes.map((prime) => (prime * prime - 1) / 2);
    const end = Math.floor((limit - 1) / 2);
    const segment = new Uint8Array(Math.min(segmentLength, end + 1));
    let count = 1;
    let largest = 2;
    for (let start = 0; start <= end; start += segmentLength) {
      signal.throwIfAborted();
      const length = Math.min(segmentLength, end - start + 1);
      strike(segment, length, start, basePrimes, next);
      if (start === 0) segment[0] = 1;
      let found = 0;
      for (let i = 0; i < length; i++) found += 1 - (segment[i] as number);
      count += found;
      if (found > 0) largest = 2 * (start + segment.lastIndexOf(0, length - 1)) + 1;
    }
    return { count, largest };
  },
});

function strike(
  segment: Uint8Array,
  length: number,
  start: number,
  basePrimes: Float64Array,
  next: Float64Array,
): void {
  segment.fill(0);
  for (let k = 0; k < basePrimes.length; k++) {
    const prime = basePrimes[k] as number;
    let i = (next[k] as number) - start;
    if (i >= length) continue;
    for (; i < length; i += prime) segment[i] = 1;
    next[k] = start + i;
  }
}

/** The odd primes up to a limit of at most a few 10,000. */
function oddPrimes(limit: number): Float64Array {
  const composite = new Uint8Array(limit + 1);
  const found: number[] = [];
  for (let n = 3; n <= limit; n += 2) {
    if (composite[n] === 1) continue;
    found.push(n);
    for (let multiple = n * n; multiple <= limit; multiple += 2 * n) composite[multiple] = 1;
  }
  return Float64Array.from(found);
}
