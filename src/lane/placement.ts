// Where a call runs: inline, alone on a thread, or in one message with others. Pure decisions.
import type { KindEstimate } from './estimate.js';

/**
 * A run of this many INLINE_MAX_US is a surprise: a few of them send a kind back to threads, and one in ten keeps it
 * there. What is only somewhat longer moves the estimate, which then decides: a loop that is interrupted or still
 * compiling takes 200 µs for a digest now and then, and that says nothing about the digest.
 */
export const surpriseFactor = 20;

/** Estimated work of one batch, in µs: what a call that arrives just behind it may have to wait for. */
const batchUs = 1_000;
/** The longest call that shares a message, in µs. */
const batchableUs = 500;

/** A call of at most this length is short: it is worth keeping a thread free for. */
const shortUs = 10_000;
/** A call of at least this length is long: it leaves the last thread to others while short calls are about. */
const longUs = 100_000;
/** How long after the last short call a thread is still kept for the next. */
const shortMemoryMs = 30_000;

/**
 * Inline: a kind that was seen on threads, is synchronous and behaves, and whose estimate for this very input is
 * small. The thread hop would cost the event loop more than the work. The estimate is the median: threads step back
 * behind the event loops, so under load many honest runs are interrupted, and a thread that was woken for one call
 * runs it with cold caches (the same digest: 3 µs in a row, 40 µs alone). A rule on nine runs of ten would keep short
 * calls off the loop just when the hop hurts most; the ninth run is only held to what the loop would survive.
 */
export function runsInline(kind: KindEstimate, cost: number, inlineMaxUs: number, nowMs: number): boolean {
  return (
    inlineMaxUs > 0 &&
    kind.likelyUs(cost) <= inlineMaxUs &&
    kind.p90Us(cost) <= inlineMaxUs * surpriseFactor &&
    kind.mayRunInline(nowMs)
  );
}

export function isBatchable(kind: KindEstimate, cost: number): boolean {
  return kind.known && kind.p90Us(cost) <= batchableUs;
}

export interface Candidate {
  readonly estimateUs: number;
  readonly batchable: boolean;
}

/**
 * How many calls from the front travel together. A batch never takes what another free thread could begin now.
 * @param at the calls that wait, in order; the first is to be taken
 * @param waiting how many they are
 * @param freeThreads threads that could take a message now, at least 1
 */
export function batchSize(
  at: (index: number) => Candidate | undefined,
  waiting: number,
  freeThreads: number,
  maxSize: number,
): number {
  const share = Math.min(maxSize, Math.ceil(waiting / freeThreads));
  let size = 0;
  let sumUs = 0;
  while (size < share) {
    const next = at(size);
    if (next === undefined || !next.batchable || sumUs + next.estimateUs > batchUs) break;
    sumUs += next.estimateUs;
    size++;
  }
  return Math.max(1, size);
}

export const isShort = (estimateUs: number): boolean => estimateUs <= shortUs;

/**
 * Whether a call may take a thread when this many would stay without work. While short calls are about, the last
 * thread is kept from long ones: a 1 ms call then waits for a short one to end, never for a long one.
 * @param left threads that stay free once the call has taken its own
 * @param lastShortMs when a short call last arrived
 */
export function mayTakeThread(
  estimateUs: number,
  left: number,
  maxThreads: number,
  lastShortMs: number,
  nowMs: number,
): boolean {
  if (left > 0 || maxThreads < 2 || estimateUs < longUs) return true;
  return nowMs - lastShortMs > shortMemoryMs;
}
