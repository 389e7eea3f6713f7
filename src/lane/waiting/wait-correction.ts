// How far waits lately were from what was estimated at admission. Estimates know neither what will come with a smaller
// key nor that the machine becomes slower; what follows from both is learned here, so that a call that is let in
// really begins in time. Pure but for what it was told.

/** The share of calls that may wait longer than estimated. */
const missed = 0.01;
/** How fast it is learned: what one call that waited longer adds, at most. */
const step = 0.1;
/** Beyond this it was no error of the estimate: the process was stopped, say. */
const most = 2;

export interface WaitCorrection {
  /** What an estimated wait is to be multiplied by so that hardly any call waits longer: from 1 to 2. */
  readonly factor: number;
  /** A call's turn has come: what it was estimated to wait at admission, and what it did wait, both in µs. */
  waited(expectedUs: number, waitedUs: number): void;
}

/**
 * The quantile is followed by stochastic approximation (Robbins and Monro, 1951): each call moves it up or down by
 * how rare that should be, and never beyond what was seen.
 * @param leastUs shorter waits are not learned from: a few ms more would look like a gross error
 */
export function createWaitCorrection(leastUs: number): WaitCorrection {
  let factor = 1;
  return {
    get factor() {
      return factor;
    },
    waited(expectedUs, waitedUs) {
      if (expectedUs < leastUs) return;
      const seen = Math.min(most, Math.max(1, waitedUs / expectedUs));
      factor =
        seen > factor ? Math.min(seen, factor + step * (1 - missed)) : Math.max(seen, factor - step * missed);
    },
  };
}
