// Where calls wait: lets them in or refuses them, keeps them in order, and says which go next. Its decisions are in
// admission.ts, fair-order.ts and placement.ts; this holds what they decide upon.

import { maxBatch } from '../../thread/shared-rows.js';
import type { PendingCall, Ticket } from '../pending-call.js';
import { batchSize, isLong, longCapacity } from '../placement.js';
import {
  type AdmissionLimits,
  allowedWaitMs,
  isFull,
  type Load,
  overloaded,
  startable,
  startsAtOnce,
} from './admission.js';
import { createCallQueue } from './call-queue.js';
import { createDrainRate } from './drain-rate.js';
import { type BusyThread, type ExpectedWait, expectedWait, type WorkAhead } from './expected-wait.js';
import { createFairOrder } from './fair-order.js';
import { createReservedPlaces } from './reserved-places.js';
import { isBefore } from './treap.js';
import { createWaitCorrection } from './wait-correction.js';

/** The threads as the waiting room sees them. */
export interface ThreadLoad {
  /** Most threads there may be now; 0: nothing can run, and nothing is let in. */
  readonly max: number;
  /** How many more jobs may have a thread now. */
  jobRoom(): number;
  /** Messages that are with a thread now, jobs not among them: nor in what follows. */
  readonly inFlight: number;
  /** Those of them that are a long call. */
  readonly longInFlight: number;
  /** What these were estimated at, in µs. */
  readonly inFlightUs: number;
  busy(nowMs: number): readonly BusyThread[];
}

/** What is to be known of a call here. */
export interface WaitingCall {
  readonly ticket: Ticket;
  readonly key: number;
  readonly seq: number;
  readonly options: { readonly client: string };
  readonly arrivedMs: number;
  readonly estimateUs: number;
  readonly batchable: boolean;
}

export interface WaitingRoom<T extends WaitingCall = PendingCall> {
  readonly size: number;
  /** Estimated work of the calls that wait, in µs. */
  readonly workUs: number;
  /** What a call as long as they are lately would be estimated to wait now, behind all that wait, in µs. */
  averageWaitUs(nowMs: number): number;
  /** Calls that wait for nothing but a thread. */
  readonly startable: number;
  /** The call whose turn it is, if a thread is free for it. A job's where no other waits. */
  readonly first: T | undefined;
  /** Jobs' calls that wait. They are in no other number here. */
  readonly jobs: number;
  /** Whether a call of this client waits. */
  has(client: string): boolean;
  /** @throws AppError OVERLOADED where there is no place by count, not even for a short call */
  checkRoom(client: string, nowMs: number): void;
  /** Tickets that were given and did not come back: of calls that wait or run. */
  readonly tickets: number;
  /**
   * Lets a call in. Whoever ends it gives its ticket back.
   * @throws AppError OVERLOADED where it would wait too long, or there is no place
   */
  admit(
    client: string,
    estimateUs: number,
    deadlineMs: number | undefined,
    nowMs: number,
    taskWaitMs?: number,
  ): Ticket;
  /** Lets a job's call in. */
  admitJob(client: string, estimateUs: number): Ticket;
  /**
   * A call that was let in has ended. Idempotent.
   * @param runUs what it really took; undefined: it never ran, and never will
   */
  giveBack(ticket: Ticket, runUs: number | undefined, nowMs: number): void;
  /** A call that was let in waits; also one that comes back. */
  add(call: T): void;
  /** It waits no longer. False where it is not waiting. */
  remove(call: T): boolean;
  /** The next message's calls for one of `freeThreads` threads: none where nothing may go now. */
  take(freeThreads: number, nowMs: number): T[];
  /** No thread has anything to do. */
  rested(nowMs: number): void;
  clear(): T[];
}

/** What one call adds to the average length. */
const averageStep = 1 / 16;

export function createWaitingRoom<T extends WaitingCall = PendingCall>(
  limits: AdmissionLimits,
  threads: ThreadLoad,
  random: () => number = Math.random,
): WaitingRoom<T> {
  // Long calls wait apart: while they have all the threads that they may have, what is behind them goes on.
  const short = createCallQueue<T>();
  const long = createCallQueue<T>();
  /** In order of arrival: whose turn it is was said before they came here. */
  const jobs = createCallQueue<T>();
  const order = createFairOrder();
  const reserved = createReservedPlaces(limits.maxQueue);
  const correction = createWaitCorrection((limits.maxWaitMs * 1_000) / 4);
  const drain = createDrainRate(threads.max * 1_000_000);
  let seq = 0;
  let tickets = 0;
  let averageUs: number | undefined;

  const queueOf = ({ ticket, estimateUs }: T) => (ticket.isJob ? jobs : isLong(estimateUs) ? long : short);

  function ticket(
    client: string,
    estimateUs: number,
    tag: number,
    key: number,
    expectedWaitUs: number,
  ): Ticket {
    tickets++;
    return { client, estimateUs, tag, key, seq: seq++, isJob: false, expectedWaitUs, isBack: false };
  }

  function load(): Load {
    const room = Math.max(0, threads.max - threads.inFlight);
    const longRoom = Math.min(room, Math.max(0, longCapacity(threads.max) - threads.longInFlight));
    return { waiting: short.size, waitingLong: long.size, room, longRoom };
  }

  function requirePlace(client: string, isLongCall: boolean, nowMs: number): void {
    const places = limits.maxQueue - reserved.keptFrom(client, nowMs);
    if (threads.max > 0 && !isFull(places, load(), isLongCall)) return;
    reserved.turnedAway(client, nowMs);
    throw overloaded((short.workUs + long.workUs) / 2, drain.usPerSecond(nowMs), random());
  }

  function waitAt(key: number, estimateUs: number, nowMs: number): ExpectedWait {
    const ahead = { shortUs: short.workAheadUs(key), longUs: long.workAheadUs(key), longs: long.size };
    return waitBehind(ahead, estimateUs, nowMs);
  }

  function waitBehind(ahead: WorkAhead, estimateUs: number, nowMs: number): ExpectedWait {
    if (startsAtOnce(load(), isLong(estimateUs))) return { waitUs: 0, usable: threads.max };
    return expectedWait(estimateUs, ahead, threads.busy(nowMs), threads.max);
  }

  /** The call whose turn it is: the first of all, or of those that are not long where no more of these may run. */
  function next(longRoom: number): T | undefined {
    const firstLong = longRoom > 0 ? long.at(0) : undefined;
    const firstShort = short.at(0);
    if (short.size + long.size === 0) return jobs.at(0);
    if (firstLong === undefined || firstShort === undefined) return firstLong ?? firstShort;
    return isBefore(firstLong, firstShort) ? firstLong : firstShort;
  }

  return {
    get size() {
      return short.size + long.size;
    },
    get workUs() {
      return short.workUs + long.workUs;
    },
    averageWaitUs(nowMs) {
      if (averageUs === undefined) return 0;
      if (threads.max === 0) return limits.maxWaitMs * 1_000;
      const ahead = { shortUs: short.workUs, longUs: long.workUs, longs: long.size };
      return waitBehind(ahead, averageUs, nowMs).waitUs * correction.factor;
    },
    get startable() {
      return short.size + long.size === 0 ? Math.min(jobs.size, threads.jobRoom()) : startable(load());
    },
    get jobs() {
      return jobs.size;
    },
    get first() {
      return next(load().longRoom);
    },
    has: (client) => reserved.has(client),
    checkRoom: (client, nowMs) => requirePlace(client, false, nowMs),
    admit(client, estimateUs, deadlineMs, nowMs, taskWaitMs) {
      averageUs = (averageUs ?? estimateUs) + (estimateUs - (averageUs ?? estimateUs)) * averageStep;
      requirePlace(client, isLong(estimateUs), nowMs);
      const { tag, key } = order.place(client, estimateUs);
      const allowedMs = allowedWaitMs(limits, nowMs, deadlineMs, taskWaitMs);
      // Where one of several threads could do all of it in time, how they share it need not be reckoned. (With
      // a single one it always is: it is learned from.)
      const allUs = (short.workUs + long.workUs + threads.inFlightUs) * correction.factor;
      if (threads.max > 1 && allUs <= allowedMs * 1_000) return ticket(client, estimateUs, tag, key, 0);
      const { waitUs, usable } = waitAt(key, estimateUs, nowMs);
      const tooLongMs = (waitUs * correction.factor) / 1_000 - allowedMs;
      if (tooLongMs > 0) {
        order.withdraw(client, estimateUs);
        throw overloaded(tooLongMs * 1_000 * usable, drain.usPerSecond(nowMs), random());
      }
      return ticket(client, estimateUs, tag, key, waitUs);
    },
    admitJob: (client, estimateUs) => ({ ...ticket(client, estimateUs, 0, 0, 0), isJob: true }),
    add(call) {
      queueOf(call).add(call);
      if (!call.ticket.isJob) reserved.came(call.options.client);
    },
    remove(call) {
      if (!queueOf(call).remove(call)) return false;
      if (!call.ticket.isJob) reserved.left(call.options.client);
      return true;
    },
    take(freeThreads, nowMs) {
      const now = load();
      const first = next(now.longRoom);
      if (first === undefined) return [];
      if (first.ticket.isJob) {
        if (threads.jobRoom() === 0) return [];
        jobs.remove(first);
        return [first];
      }
      const queue = queueOf(first);
      const ready = short.size + Math.min(long.size, now.longRoom);
      const size = batchSize((index) => queue.at(index), ready, freeThreads, maxBatch);
      const taken: T[] = [];
      for (let call: T | undefined = first; call !== undefined && taken.length < size; ) {
        queue.remove(call);
        const behind = queue.at(0);
        reserved.left(call.options.client);
        order.taken(call.ticket.tag, call.estimateUs, behind?.key);
        correction.waited(call.ticket.expectedWaitUs, (nowMs - call.arrivedMs) * 1_000);
        taken.push(call);
        call = behind;
      }
      drain.began(nowMs);
      return taken;
    },
    get tickets() {
      return tickets;
    },
    giveBack(given, runUs, nowMs) {
      if (given.isBack) return;
      given.isBack = true;
      tickets--;
      const { client, estimateUs } = given;
      if (given.isJob) return;
      if (runUs === undefined) {
        order.withdraw(client, estimateUs);
        return;
      }
      order.ran(client, runUs - estimateUs);
      drain.done(estimateUs, nowMs);
    },
    rested: (nowMs) => drain.rested(nowMs),
    clear: () => [...short.clear(), ...long.clear(), ...jobs.clear()],
  };
}
