// For how long threads have been busy with calls, as time of cores: two of them for a second are two seconds, but no more
// than the cores could give. What a machine's load is made from, in which jobs do not count, since calls go before them; it
// decides nothing.

export interface BusyTime {
  /** From now on so many are busy. */
  change(busy: number, nowMs: number): void;
  /** Since it began, in ms. */
  ms(nowMs: number): number;
}

/** @param cores threads beyond these only share them */
export function createBusyTime(cores: number): BusyTime {
  let sumMs = 0;
  let busy = 0;
  let sinceMs = 0;

  function advance(nowMs: number): void {
    sumMs += busy * Math.max(0, nowMs - sinceMs);
    sinceMs = nowMs;
  }

  return {
    change(now, nowMs) {
      advance(nowMs);
      busy = Math.min(now, cores);
    },
    ms(nowMs) {
      advance(nowMs);
      return sumMs;
    },
  };
}
