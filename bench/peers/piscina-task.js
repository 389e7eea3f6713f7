// What the peers' piscina threads run. It loads that one operation and nothing else: the peers start threads often,
// and what a thread loads is most of its start.
import { primes } from '#workers/compute/primes.js';

const { signal } = new AbortController();

/** @param {number} limit */
export default function run(limit) {
  return { operation: 'primes', result: primes.run({ limit }, signal) };
}
