// What follows from threads that could not be started: how long to wait before the next try, and whether to give up.
// Pure but for its counts.

/** Threads that die while they boot, one after the other, before the process is given up: its code is at fault. */
const maxDeaths = 5;
const deathDelayMs = 200;
const longestDeathDelayMs = 5_000;
/** What the system refuses (`EAGAIN`: no room for another thread) it may grant any moment: that is never given up. */
const refusalDelayMs = 100;
const longestRefusalDelayMs = 3_000;

export interface StartFailures {
  /** The system had no room for the last one. */
  readonly isRefused: boolean;
  readonly deaths: number;
  readonly isHopeless: boolean;
  /** Until the next try. */
  readonly delayMs: number;
  died(): void;
  refused(): void;
  succeeded(): void;
}

export function createStartFailures(): StartFailures {
  let deaths = 0;
  let refusals = 0;
  return {
    get isRefused() {
      return refusals > 0;
    },
    get deaths() {
      return deaths;
    },
    get isHopeless() {
      return deaths >= maxDeaths;
    },
    get delayMs() {
      return refusals > 0
        ? Math.min(refusalDelayMs * 2 ** (refusals - 1), longestRefusalDelayMs)
        : Math.min(deathDelayMs * deaths, longestDeathDelayMs);
    },
    died() {
      deaths++;
      refusals = 0;
    },
    refused: () => void refusals++,
    succeeded() {
      deaths = 0;
      refusals = 0;
    },
  };
}
