// Where calls wait: lets them in or refuses them, keeps them in order, and says which go next. Its decisions are in
// admission.ts, fair-order.ts and placement.ts; this holds what they decide upon.
import {
  type AdmissionLimits,
  allowedWaitMs,
  createDrainRate,
  estimatedWaitMs,
  isFull,
  overloaded,
} from './admission.js';
import { maxBatch } from './control.js';
import { createFairOrder } from './fair-order.js';
import type { PendingCall } from './pending-call.js';
import { batchSize, isShort, mayTakeThread } from './placement.js';
import { createCallQueue } from './queue.js';

/** The threads as the waiting room sees them. */
export interface ThreadLoad {
  /** Most threads there may be. */
  readonly max: number;
  /** Messages that are with a thread now. */
  readonly inFlight: number;
  /** Estimated work left in them, in µs. */
  remainingUs(nowMs: number): number;
}

export interface Place {
  readonly tag: number;
  readonly key: number;
  readonly seq: number;
}

export interface WaitingRoom {
  readonly size: number;
  /** @throws AppError OVERLOADED where there is no place by count */
  checkRoom(nowMs: number): void;
  /** A place for a call. @throws AppError OVERLOADED where it would wait too long, or there is no place */
  admit(client: string, estimateUs: number, deadlineMs: number | undefined, nowMs: number): Place;
  /** A call that has its place waits; also one that comes back. */
  add(call: PendingCall): void;
  /** It will not run. False where it is not waiting. */
  remove(call: PendingCall): boolean;
  /** The next message's calls for one of `freeThreads` threads: none where nothing may go now. */
  take(freeThreads: number, nowMs: number): PendingCall[];
  /** A call has run: what it really took, in µs. */
  ran(call: PendingCall, runUs: number, nowMs: number): void;
  /** No thread has anything to do. */
  rested(nowMs: number): void;
  clear(): PendingCall[];
}

export function createWaitingRoom(
  limits: AdmissionLimits,
  threads: ThreadLoad,
  random: () => number = Math.random,
): WaitingRoom {
  const queue = createCallQueue<PendingCall>();
  const order = createFairOrder();
  const drain = createDrainRate(threads.max * 1_000_000);
  let lastShortMs = Number.NEGATIVE_INFINITY;
  let seq = 0;

  function checkRoom(nowMs: number): void {
    const room = Math.max(0, threads.max - threads.inFlight);
    if (!isFull(limits, { waiting: queue.size, room })) return;
    throw overloaded(queue.workAheadUs(Number.POSITIVE_INFINITY) / 2, drain.usPerSecond(nowMs), random());
  }

  /** Estimated work before this place, in µs, and the threads that may take it. */
  function ahead(key: number, estimateUs: number, nowMs: number): { workUs: number; usable: number } {
    const mayUseAll = mayTakeThread(estimateUs, 0, threads.max, lastShortMs, nowMs);
    const usable = mayUseAll ? threads.max : threads.max - 1;
    const running = threads.inFlight < usable ? 0 : threads.remainingUs(nowMs);
    return { workUs: queue.workAheadUs(key) + running, usable };
  }

  return {
    get size() {
      return queue.size;
    },
    checkRoom,
    admit(client, estimateUs, deadlineMs, nowMs) {
      checkRoom(nowMs);
      const { tag, key } = order.place(client, estimateUs);
      const { workUs, usable } = ahead(key, estimateUs, nowMs);
      const tooLongMs = estimatedWaitMs(workUs, usable) - allowedWaitMs(limits, nowMs, deadlineMs);
      if (tooLongMs > 0) {
        order.correct(client, -estimateUs);
        throw overloaded(tooLongMs * 1_000 * usable, drain.usPerSecond(nowMs), random());
      }
      if (isShort(estimateUs)) lastShortMs = nowMs;
      return { tag, key, seq: seq++ };
    },
    add: (call) => queue.add(call),
    remove(call) {
      if (!queue.remove(call)) return false;
      order.correct(call.options.client, -call.estimateUs);
      return true;
    },
    take(freeThreads, nowMs) {
      const left = threads.max - threads.inFlight - 1;
      for (let from = 0; from < queue.size; from++) {
        const first = queue.at(from);
        if (first === undefined || !mayTakeThread(first.estimateUs, left, threads.max, lastShortMs, nowMs))
          continue;
        const size = batchSize((i) => queue.at(from + i), queue.size - from, freeThreads, maxBatch);
        const taken: PendingCall[] = [];
        for (let i = 0; i < size; i++) {
          const call = queue.at(from);
          if (call === undefined) break;
          queue.remove(call);
          order.taken(call.tag);
          taken.push(call);
        }
        drain.began(nowMs);
        return taken;
      }
      return [];
    },
    ran(call, runUs, nowMs) {
      order.correct(call.options.client, runUs - call.estimateUs);
      drain.done(call.estimateUs, nowMs);
    },
    rested: (nowMs) => drain.rested(nowMs),
    clear: () => queue.clear(),
  };
}
