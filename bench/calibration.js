// How fast this machine is, so that a call of 25 ms takes 25 ms on it. What the servers spend around a call does not
// shrink with the call: on a faster machine the same limit would measure something else.
import { primes } from './peers/work.js';
import { median } from './statistics.js';

const limit = 2_000_000;
const unmeasured = 3;
const measured = 15;

/** How far `primes` gets in a ms on one core, as long as nothing else runs. Linear from here to its greatest limit. */
export const primesPerMs = Math.round(
  limit / median(Array.from({ length: unmeasured + measured }, runMs).slice(unmeasured)),
);

function runMs() {
  const startMs = performance.now();
  primes(limit);
  return performance.now() - startMs;
}
