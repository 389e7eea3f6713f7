// Where calls wait: lets them in or refuses them, keeps them in order, and says which go next. The rules are in
// admission.ts, expected-wait.ts, reserved-places.ts, fair-order.ts, task-gates.ts and placement.ts; this holds what they
// decide upon, and which of short calls, long ones and jobs is next.

import { maxBatch } from '../../thread/shared-rows.js';
import { noThreadError, type PendingCall, type Ticket } from '../pending-call.js';
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
import { type CallQueue, createCallQueue } from './call-queue.js';
import { createDrainRate } from './drain-rate.js';
import { type BusyThread, type ExpectedWait, expectedWait, waitBeside } from './expected-wait.js';
import { createFairOrder, type FairOrder } from './fair-order.js';
import { createReservedPlaces } from './reserved-places.js';
import { createTaskGates } from './task-gates.js';
import { isBefore } from './treap.js';
import { createWaitCorrection } from './wait-correction.js';

/** The threads as the waiting room sees them. */
export interface ThreadLoad {
  /** Most threads there may be now; 0: nothing can run, and nothing is let in. */
  readonly max: number;
  /** How many more jobs may have a thread now, were there threads enough. */
  jobRoom(): number;
  /** Threads that could take a job now. */
  readonly freeForJobs: number;
  /** Messages of calls that are with a thread now. Jobs do not count, here and in what follows. */
  readonly inFlight: number;
  /** Those of them that are a long call. */
  readonly longInFlight: number;
  /** What these were estimated at, in µs. */
  readonly inFlightUs: number;
  busy(nowMs: number): readonly BusyThread[];
}

/** What a task says of its calls' turns. */
export interface TaskRules {
  readonly name: string;
  readonly definition: {
    readonly limits?: { readonly waitMs?: number; readonly concurrent?: number };
  };
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
  /** Those of them that wait for others of their own task: no thread could have them. */
  readonly held: number;
  /** Estimated work of the calls that wait, in µs. */
  readonly workUs: number;
  /** What a call as long as they are lately would be estimated to wait now, behind all that wait, in µs. */
  averageWaitUs(nowMs: number): number;
  /** Calls that wait for nothing but a thread. */
  readonly startable: number;
  /** The call whose turn it is, a long one only where one more may have a thread. A job's where no other waits. */
  readonly first: T | undefined;
  /** Jobs' calls that wait. They are in no other number here. */
  readonly jobs: number;
  /** Whether a call of this client waits. */
  has(client: string): boolean;
  /** @throws AppError OVERLOADED where there is no place by count, not even for a short call */
  checkRoom(client: string, nowMs: number, task?: TaskRules): void;
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
    task?: TaskRules,
  ): Ticket;
  /** Lets a job's call in. */
  admitJob(client: string, estimateUs: number, task?: TaskRules): Ticket;
  /**
   * A call that was let in has ended. Idempotent.
   * @param runUs what it really took; undefined: it never ran, and never will
   * @returns whether one that its task's limit held waits for nothing but a thread now
   */
  giveBack(ticket: Ticket, runUs: number | undefined, nowMs: number): boolean;
  /** A call that was let in waits; also one that comes back. */
  add(call: T): void;
  /** It waits no longer. False where it is not waiting. */
  remove(call: T): boolean;
  /** The calls of the next message; none where nothing may go now. @param freeThreads those for calls; jobs have their own */
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
  const gates = createTaskGates<T>(queueOf);
  const order = createFairOrder();
  const reserved = createReservedPlaces(limits.maxQueue);
  const correction = createWaitCorrection((limits.maxWaitMs * 1_000) / 4);
  const drain = createDrainRate(threads.max * 1_000_000);
  let seq = 0;
  let tickets = 0;
  let averageUs: number | undefined;

  function queueOf({ ticket, estimateUs }: T): CallQueue<T> {
    return ticket.isJob ? jobs : isLong(estimateUs) ? long : short;
  }

  function ticket(
    client: string,
    estimateUs: number,
    { tag, key }: ReturnType<FairOrder['place']>,
    expectedWaitUs: number,
    gate: string | undefined,
  ): Ticket {
    tickets++;
    return {
      client,
      estimateUs,
      tag,
      key,
      seq: seq++,
      expectedWaitUs,
      gate,
      hasPlace: false,
      isJob: false,
      isBack: false,
    };
  }

  /** Undefined where its task would not hold it. */
  function heldBy(task: TaskRules | undefined): string | undefined {
    const gate = task && gates.gate(task.name, task.definition.limits?.concurrent);
    return gate !== undefined && gates.isFull(gate) ? gate : undefined;
  }

  const allWorkUs = (): number => short.workUs + long.workUs + gates.workUs;

  function load(): Load {
    const room = Math.max(0, threads.max - threads.inFlight);
    const longRoom = Math.min(room, Math.max(0, longCapacity(threads.max) - threads.longInFlight));
    return { waiting: short.size, waitingLong: long.size, held: gates.size, room, longRoom };
  }

  function requirePlace(client: string, isLongCall: boolean, isHeld: boolean, nowMs: number): void {
    if (threads.max === 0) throw noThreadError();
    const places = limits.maxQueue - reserved.keptFrom(client, nowMs);
    if (!isFull(places, load(), isLongCall, isHeld)) return;
    reserved.turnedAway(client, nowMs);
    throw overloaded(allWorkUs() / 2, drain.usPerSecond(nowMs), random());
  }

  function waitAt(key: number, estimateUs: number, gate: string | undefined, nowMs: number): ExpectedWait {
    const inQueue = waitInQueue(key, estimateUs, gate, nowMs);
    if (gate === undefined) return inQueue;
    const atGate = gates.wait(gate, key, nowMs);
    return atGate.waitUs > inQueue.waitUs ? atGate : inQueue;
  }

  function waitInQueue(
    key: number,
    estimateUs: number,
    gate: string | undefined,
    nowMs: number,
  ): ExpectedWait {
    if (startsAtOnce(load(), isLong(estimateUs))) return { waitUs: 0, usable: threads.max };
    const ahead = { shortUs: short.workAheadUs(key), longUs: long.workAheadUs(key), longs: long.size };
    const busy = threads.busy(nowMs);
    const held = gates.others(key, gate);
    // Either what is held comes before this call, on all threads; or its tasks have theirs, and the rest is for others.
    const shortUs = ahead.shortUs + held.workUs;
    const before = expectedWait(estimateUs, { ...ahead, shortUs }, busy, threads.max);
    if (held.workUs === 0) return before;
    const beside = waitBeside(ahead.shortUs + ahead.longUs, busy, threads.max, held.threads);
    return beside.waitUs < before.waitUs ? beside : before;
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
      return short.size + long.size + gates.size;
    },
    get held() {
      return gates.size;
    },
    get workUs() {
      return allWorkUs();
    },
    averageWaitUs(nowMs) {
      if (averageUs === undefined) return 0;
      if (threads.max === 0) return limits.maxWaitMs * 1_000;
      return waitInQueue(Number.POSITIVE_INFINITY, averageUs, undefined, nowMs).waitUs * correction.factor;
    },
    get startable() {
      return short.size + long.size === 0 ? Math.min(jobs.size, threads.jobRoom()) : startable(load());
    },
    get jobs() {
      return jobs.size + gates.jobs;
    },
    get first() {
      return next(load().longRoom);
    },
    has: (client) => reserved.has(client),
    checkRoom: (client, nowMs, task) => requirePlace(client, false, heldBy(task) !== undefined, nowMs),
    admit(client, estimateUs, deadlineMs, nowMs, task) {
      averageUs = (averageUs ?? estimateUs) + (estimateUs - (averageUs ?? estimateUs)) * averageStep;
      const holder = heldBy(task);
      requirePlace(client, isLong(estimateUs), holder !== undefined, nowMs);
      const place = order.place(client, estimateUs);
      const rules = task?.definition.limits;
      const gate = task && gates.gate(task.name, rules?.concurrent);
      const allowedMs = allowedWaitMs(limits, nowMs, deadlineMs, rules?.waitMs);
      // Where one of several threads could do all of it in time, how they share it need not be reckoned. (With
      // a single one it always is: it is learned from.)
      const allUs = (allWorkUs() + threads.inFlightUs) * correction.factor;
      if (threads.max > 1 && allUs <= allowedMs * 1_000) return ticket(client, estimateUs, place, 0, gate);
      const { waitUs, usable } = waitAt(place.key, estimateUs, holder, nowMs);
      const tooLongMs = (waitUs * correction.factor) / 1_000 - allowedMs;
      if (tooLongMs > 0) {
        order.withdraw(client, estimateUs);
        throw overloaded(tooLongMs * 1_000 * usable, drain.usPerSecond(nowMs), random());
      }
      return ticket(client, estimateUs, place, waitUs, gate);
    },
    admitJob(client, estimateUs, task) {
      const gate = task && gates.gate(task.name, task.definition.limits?.concurrent);
      return { ...ticket(client, estimateUs, { tag: 0, key: 0 }, 0, gate), isJob: true };
    },
    add(call) {
      gates.add(call);
      if (!call.ticket.isJob) reserved.came(call.options.client);
    },
    remove(call) {
      if (!gates.remove(call) && !queueOf(call).remove(call)) return false;
      if (!call.ticket.isJob) reserved.left(call.options.client);
      return true;
    },
    take(freeThreads, nowMs) {
      if (freeThreads <= 0 && short.size + long.size > 0) return [];
      const now = load();
      const first = next(now.longRoom);
      if (first === undefined) return [];
      if (first.ticket.isJob) {
        if (threads.jobRoom() <= 0 || threads.freeForJobs <= 0) return [];
        jobs.remove(first);
        gates.taken(first, nowMs);
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
        gates.taken(call, nowMs);
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
      if (given.isBack) return false;
      given.isBack = true;
      tickets--;
      const { client, estimateUs } = given;
      if (given.isJob) return gates.giveBack(given);
      if (runUs === undefined) {
        order.withdraw(client, estimateUs);
      } else {
        order.ran(client, runUs - estimateUs);
        drain.done(estimateUs, nowMs);
      }
      return gates.giveBack(given);
    },
    rested: (nowMs) => drain.rested(nowMs),
    clear: () => [...short.clear(), ...long.clear(), ...jobs.clear(), ...gates.clear()],
  };
}
