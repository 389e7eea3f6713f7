// How long a call will wait, from the work that is before it and the threads that it may have. Pure.
import { isLong, longCapacity } from '../placement.js';

/** A thread with a message. */
export interface BusyThread {
  /** Estimated work left in it, in µs. */
  readonly remainingUs: number;
  readonly isLong: boolean;
}

/** What waits with smaller keys. */
export interface WorkAhead {
  readonly shortUs: number;
  readonly longUs: number;
  /** Long calls that wait, at least those before it. */
  readonly longs: number;
}

/** The wait in µs, and over how many threads it was reckoned. */
export interface ExpectedWait {
  readonly waitUs: number;
  readonly usable: number;
}

/** @param max threads there may be: those that are not busy, or not started yet, are free now */
export function expectedWait(
  estimateUs: number,
  ahead: WorkAhead,
  busy: readonly BusyThread[],
  max: number,
): ExpectedWait {
  const free = new Array<number>(Math.max(0, max - busy.length)).fill(0);
  const byRemaining = (a: number, b: number): number => a - b;
  const all = [...free, ...busy.map((thread) => thread.remainingUs)].sort(byRemaining);
  const together = fill(ahead.shortUs + ahead.longUs, all);
  // Which thread is kept from long calls is not said: the one that would be free first, to be on the safe side.
  if (isLong(estimateUs)) return fill(ahead.shortUs + ahead.longUs, all.slice(max - longCapacity(max)));

  // The threads that long calls neither hold nor will get: a short call waits for none of these.
  const others = busy.filter((thread) => !thread.isLong).map((thread) => thread.remainingUs);
  const toGet = Math.min(ahead.longs, longCapacity(max) - (busy.length - others.length));
  const kept = [...free, ...others].sort(byRemaining).slice(Math.max(0, toGet));
  if (kept.length === 0) return together;
  const apart = fill(ahead.shortUs, kept);
  return apart.waitUs < together.waitUs ? apart : together;
}

/** The same, where so many threads are left to others: those that would be free first, to be on the safe side. */
export function waitBeside(
  workUs: number,
  busy: readonly BusyThread[],
  max: number,
  others: number,
): ExpectedWait {
  const free = new Array<number>(Math.max(0, max - busy.length)).fill(0);
  const all = [...free, ...busy.map((thread) => thread.remainingUs)].sort((a, b) => a - b);
  return others >= all.length
    ? { waitUs: Number.POSITIVE_INFINITY, usable: 1 }
    : fill(workUs, all.slice(others));
}

/**
 * When threads that are busy for so long yet will have taken up this much work: the smallest t with
 * Σ max(0, t − remaining) ≥ work. One that is busy beyond t counts for nothing, neither for the call nor against it.
 * @param remaining ascending, at least one
 */
export function fill(workUs: number, remaining: readonly number[]): ExpectedWait {
  let sumUs = workUs;
  let usable = 0;
  for (const leftUs of remaining) {
    if (usable > 0 && sumUs / usable <= leftUs) break;
    sumUs += leftUs;
    usable++;
  }
  return { waitUs: sumUs / usable, usable };
}
