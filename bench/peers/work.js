// The work of every server in the bench: the tasks' own code, called as a plain function.
import compute from '#workers/compute.js';
import hashTask from '#workers/hash.js';

export const hello = `hello from server ${process.pid}`;

const ignore = () => undefined;
const log = { debug: ignore, info: ignore, warn: ignore, error: ignore };
const { signal } = new AbortController();
const context = { signal, log, client: 'bench', requestId: undefined, setup: undefined, progress: ignore };

/** @param {number} limit */
export function primes(limit) {
  return compute.run({ operation: 'primes', limit }, context);
}

/** @param {number} n */
export function nqueens(n) {
  return compute.run({ operation: 'nqueens', n }, context);
}

/** @param {unknown} body as it came: validated like ours */
export function hash(body) {
  return hashTask.run(hashTask.input.parse(body), context);
}
