// Is a number prime? The strong test of Miller and Rabin, which is a proof below a bound for a known set of bases:
// J. Sorenson, J. Webster, "Strong pseudoprimes to twelve prime bases", Mathematics of Computation 86 (2017):
// below 3,317,044,064,679,887,385,961,981 no composite passes for the first 13 primes.

const bases = [2n, 3n, 5n, 7n, 11n, 13n, 17n, 19n, 23n, 29n, 31n, 37n, 41n];
const provedBelow = 3_317_044_064_679_887_385_961_981n;

/** For any n below 3.3 × 10^24. */
export function isPrime(n: bigint): boolean {
  if (n >= provedBelow) throw new RangeError(`no proof for numbers from ${provedBelow} on`);
  if (n < 2n) return false;
  for (const base of bases) if (n % base === 0n) return n === base;
  let odd = n - 1n;
  let twos = 0;
  for (; odd % 2n === 0n; odd /= 2n) twos++;
  return bases.every((base) => passes(n, base, odd, twos));
}

/** Whether n, where n − 1 = odd × 2^twos, is a strong probable prime to the base. */
function passes(n: bigint, base: bigint, odd: bigint, twos: number): boolean {
  let power = powerModulo(base, odd, n);
  if (power === 1n || power === n - 1n) return true;
  for (let i = 1; i < twos; i++) {
    power = (power * power) % n;
    if (power === n - 1n) return true;
  }
  return false;
}

function powerModulo(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base % modulus;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}
