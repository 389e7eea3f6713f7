// Whether a call may have one of the threads that a process has beyond its share of the cores. While every core is busy
// such a thread wins nothing: two calls on one core take twice as long each, and the more threads want a core the later
// the event loops get theirs. So it is for a core that another process leaves idle, and for calls that are much shorter
// than what runs.

export interface SpareThreads {
  /** How many threads there are for a call of this estimate, those that are busy among them. */
  usable(estimateUs: number, nowMs: number): number;
}

export interface SpareLimits {
  /** Threads that keep the process's share of the cores busy. */
  readonly share: number;
  readonly max: number;
}

export interface TakenThreads {
  /** Messages in flight. */
  readonly inFlight: number;
  /** Threads that are free, and kept for a client that will be back in a moment: with them, their cores. */
  readonly kept: number;
  /** Estimated work left of the messages that keep to their estimates, in µs each. */
  punctualUs(nowMs: number): readonly number[];
}

/** A call passes the one that runs where that has this many lengths of it left: sharing the core it is done before. */
const lengths = 2;

/** @param idleCores asked only where the share is used up */
export function createSpareThreads(
  { share, max }: SpareLimits,
  threads: TakenThreads,
  idleCores: () => number,
): SpareThreads {
  return {
    usable(estimateUs, nowMs) {
      const { inFlight, kept } = threads;
      if (share >= max || inFlight + kept < share) return max;
      const leftUs = threads.punctualUs(nowMs);
      // When the others will be free nobody knows.
      if (leftUs.length + kept < share) return max;
      const soonestUs = kept > 0 ? 0 : Math.min(...leftUs);
      return estimateUs * lengths <= soonestUs || idleCores() > kept ? max : share;
    },
  };
}
