// How fast work goes: estimated work done per second lately, from which Retry-After is reckoned.

/**
 * Estimated work done per second lately, counted only while there was any: a quiet minute must not make the first
 * burst after it look as if nothing ever drained. An average that halves its memory every two busy seconds.
 */
export interface DrainRate {
  /** Work begins, or goes on. */
  began(nowMs: number): void;
  done(workUs: number, nowMs: number): void;
  /** Nothing is going on any more. */
  rested(nowMs: number): void;
  usPerSecond(nowMs: number): number;
}

const halfLifeMs = 2_000;

/** @param assumedUsPerSecond what is believed before anything was measured, with the weight of 100 ms */
export function createDrainRate(assumedUsPerSecond: number): DrainRate {
  let weightedMs = 100;
  let weightedUs = assumedUsPerSecond * 0.1;
  let busySinceMs: number | undefined;

  function advance(nowMs: number): void {
    if (busySinceMs === undefined) return;
    const elapsedMs = Math.max(0, nowMs - busySinceMs);
    const factor = 0.5 ** (elapsedMs / halfLifeMs);
    weightedUs *= factor;
    weightedMs = weightedMs * factor + elapsedMs;
    busySinceMs = nowMs;
  }

  return {
    began(nowMs) {
      busySinceMs ??= nowMs;
    },
    done(workUs, nowMs) {
      advance(nowMs);
      weightedUs += workUs;
    },
    rested(nowMs) {
      advance(nowMs);
      busySinceMs = undefined;
    },
    usPerSecond(nowMs) {
      advance(nowMs);
      return (weightedUs / weightedMs) * 1_000;
    },
  };
}
