// The calls that the scenarios make, named by how long they take on a core of this machine: one loop through primes, so
// that service times are even. The right answer is computed once, here.
import { primesPerMs } from './calibration.js';
import { hash, primes } from './peers/work.js';

/** GET / of every server. */
export const light = { request: { path: '/' }, expected: { startsWith: 'hello from server ' } };

/** Primes are counted no further than this. */
const maxLimit = 1_000_000_000;

/** A CPU-bound call of about this many ms. @param {number} ms */
export function busyCall(ms) {
  const limit = Math.min(maxLimit, Math.round(ms * primesPerMs));
  return {
    limit,
    request: { path: `/compute/primes?limit=${limit}` },
    expected: { equals: JSON.stringify(primes(limit)) },
  };
}

const digestInput = { algorithm: 'sha256', data: 'x'.repeat(1_024) };

/** SHA-256 of 1 KiB. */
export const smallHash = {
  request: { method: 'POST', path: '/hash', body: JSON.stringify(digestInput) },
  expected: { equals: JSON.stringify(hash(digestInput)) },
};

/** Argon2id as it is by default: about 25 ms of native code. */
export const argon2 = {
  request: { method: 'POST', path: '/hash', body: JSON.stringify({ algorithm: 'argon2id', data: 'secret' }) },
  expected: { startsWith: '{"algorithm":"argon2id","hash":"$argon2id$' },
};
