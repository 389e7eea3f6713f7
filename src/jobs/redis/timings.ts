// How soon the store on Redis notices what. Tests of deaths hand in shorter ones.

export interface RedisTimings {
  /** BullMQ's lock of a job that runs: after that long a silence its process counts as lost. */
  readonly lockMs: number;
  /** How often it is looked for such jobs. */
  readonly stalledCheckMs: number;
  /** How often a process says that its runs are alive. Three times fit into the lock's time. */
  readonly beatMs: number;
  /** How long a client's answer waits for Redis. */
  readonly patienceMs: number;
}

/**
 * The first three together: a job whose machine is lost begins again within 15 s. The last: with all else the answer that
 * Redis is away is there within a second.
 */
export const defaultTimings: RedisTimings = {
  lockMs: 10_000,
  stalledCheckMs: 4_000,
  beatMs: 3_000,
  patienceMs: 800,
};
