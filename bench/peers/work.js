// The work of every server in the bench: the tasks' own code, called as a plain function.
import { nqueens as queens } from '#workers/compute/nqueens.js';
import { primes as count } from '#workers/compute/primes.js';
import runHash from '#workers/hash/run.js';
import hashTask from '#workers/hash.js';

export const hello = `hello from server ${process.pid}`;

const { signal } = new AbortController();

/** @param {number} limit */
export function primes(limit) {
  return { operation: 'primes', result: count.run({ limit }, signal) };
}

/** @param {number} n */
export function nqueens(n) {
  return { operation: 'nqueens', result: queens.run({ n }, signal) };
}

/** @param {unknown} body as it came: validated like ours */
export function hash(body) {
  return runHash(hashTask.input.parse(body));
}
