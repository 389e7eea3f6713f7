// Parts of the sources, for scenarios to say which of them their figures depend on.

/** A call's way through the lane and its threads. */
export const lane = ['src/lane/**', 'src/thread/**', 'src/tasks/**', 'src/priority.ts'];

/** A request's way through a server process. */
export const server = ['src/http/**', 'src/server/**'];

/** The supervisor. */
export const primary = ['src/primary/**', 'src/main.ts'];

/** What servers of the benchmark are compared with. */
export const peers = ['bench/peers/**'];

export const compute = ['workers/compute.ts', 'workers/compute/primes.ts', 'workers/compute/nqueens.ts'];
export const hash = ['workers/hash.ts', 'workers/hash/**'];

/** What decides in the simulation. */
export const simulated = [
  'src/lane/waiting/**',
  'src/lane/cost/**',
  'src/lane/pool/anticipation.ts',
  'src/lane/placement.ts',
  'bench/simulation/**',
];
