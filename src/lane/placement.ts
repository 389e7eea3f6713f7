// Where a call runs: inline, alone on a thread, or in one message with others; and how many threads long calls and jobs
// may hold. Pure decisions.
import type { KindEstimate } from './cost/estimate.js';
import type { CallProfile } from './cost/profile.js';

/** Nine runs of ten must stay below this many INLINE_MAX_US for their like to run inline. */
export const cautionFactor = 8;

/**
 * A run of this many INLINE_MAX_US is a surprise: a few of them send its like back to threads for a while. What is only
 * somewhat longer moves the estimate, which then decides: a loop that is interrupted or still compiling takes 200 µs
 * for a digest now and then, and that says nothing about the digest.
 */
export const surpriseFactor = 20;

/** Estimated work of one batch, in µs: what a call that arrives just behind it may have to wait for. */
const batchUs = 1_000;
/** The longest call that shares a message, in µs. */
const batchableUs = 500;

/** A call of at least this length is long: calls like it never hold every thread. */
const longUs = 100_000;

/**
 * Inline: a call whose author vouches for it, of a kind that was seen on threads, is synchronous and behaves, and whose
 * estimate for this very input is small. The thread hop would cost the event loop more than the work. The estimate is the median: threads step back
 * behind the event loops, so under load many honest runs are interrupted, and a thread that was woken for one call
 * runs it with cold caches (the same digest: 3 µs in a row, 40 µs alone). To hold nine runs of ten to INLINE_MAX_US
 * itself would keep short calls off the loop just when the hop hurts most.
 */
export function runsInline(
  { vouched, kind, cost }: CallProfile,
  inlineMaxUs: number,
  nowMs: number,
): boolean {
  return (
    vouched &&
    inlineMaxUs > 0 &&
    kind.likelyUs(cost) <= inlineMaxUs &&
    kind.p90Us(cost) <= inlineMaxUs * cautionFactor &&
    kind.mayRunInline(cost, nowMs)
  );
}

export function isBatchable(kind: KindEstimate, cost: number): boolean {
  return kind.isKnown(cost) && kind.p90Us(cost) <= batchableUs;
}

export interface Candidate {
  readonly estimateUs: number;
  readonly batchable: boolean;
}

/**
 * How many calls from the front travel together. A batch never takes what another free thread could begin now.
 * @param at the calls that wait, in order; the first is to be taken
 * @param ready how many calls could begin, were there threads enough
 * @param freeThreads threads that could take a message now, at least 1
 */
export function batchSize(
  at: (index: number) => Candidate | undefined,
  ready: number,
  freeThreads: number,
  maxSize: number,
): number {
  const share = Math.min(maxSize, Math.ceil(ready / freeThreads));
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

export const isLong = (estimateUs: number): boolean => estimateUs >= longUs;

/**
 * How many long calls may be on threads at once: all threads but one, which so is always about to be free for
 * shorter calls, whether some are about now or come later.
 */
export const longCapacity = (maxThreads: number): number => Math.max(1, maxThreads - 1);

/**
 * How many jobs may be on threads at once. With POOL_MAX_THREADS at `auto` so many keep the process's share of the cores
 * busy.
 */
export const jobCapacity = (maxThreads: number): number => Math.max(1, maxThreads - 1);
