// A server process of the simulation. All that the lane decides is decided by the lane's own modules: who is let in,
// the order, which threads a call may have, which are kept for a client that returns. Only what ties them together,
// thread-lane.ts, is here once more, without threads, messages and deadlines of callers. Calls take what they were
// estimated at, as long as they have a core of their own.

import { isLong } from '#src/lane/placement.js';
import { createKeptThreads } from '#src/lane/pool/kept-threads.js';
import { createSpareThreads } from '#src/lane/pool/spare-threads.js';
import { createWaitingRoom } from '#src/lane/waiting/waiting-room.js';

/** @typedef {import('#src/lane/waiting/waiting-room.js').WaitingCall} WaitingCall */
/** @typedef {{ name: string, us: number }} Kind */
/** @typedef {WaitingCall & { kind: Kind, sentMs: number }} SimulatedCall */

/**
 * @typedef {object} SimulatedServer
 * @property {(kind: Kind, client: string, nowMs: number) => boolean} arrive false: it was refused
 * @property {(call: SimulatedCall, nowMs: number) => void} end a call that ran has ended
 */

/**
 * @typedef {object} LaneRules
 * @property {number} threads
 * @property {number} share threads that keep the process's share of the cores busy
 * @property {number} maxQueue
 * @property {number} maxWaitMs
 * @property {boolean} keepsThreads for a client that returns
 */

/** As in thread-lane.ts: when a call that is held is looked at again, in ms. */
const lookSoonMs = 2;
const lookAgainMs = 25;
/** As in in-flight.ts: what takes longer is late. */
const lateFactor = 2;
const lateUs = 5_000;

/**
 * @param {LaneRules} rules
 * @param {import('./clock.js').Clock} clock
 * @param {() => number} idleCores of the machine
 * @param {() => number} random
 * @param {(call: SimulatedCall) => void} run a call begins
 * @returns {SimulatedServer}
 */
export function createSimulatedLane(rules, clock, idleCores, random, run) {
  const { threads: max, share } = rules;
  /** @type {Set<SimulatedCall>} */
  const inFlight = new Set();
  let longInFlight = 0;
  /** @type {import('#src/lane/alarm.js').Alarm | undefined} */
  let lookAgain;

  /** @param {SimulatedCall} call @param {number} nowMs */
  function leftUs({ estimateUs, sentMs }, nowMs) {
    return Math.max(0, estimateUs - (nowMs - sentMs) * 1_000);
  }

  /** @param {SimulatedCall} call @param {number} nowMs */
  function isLate({ estimateUs, sentMs }, nowMs) {
    return (nowMs - sentMs) * 1_000 > lateFactor * estimateUs + lateUs;
  }

  const kept = createKeptThreads(clock.setAlarm, () => pump(lookSoonMs));
  const spare = createSpareThreads(
    { share, max },
    {
      get inFlight() {
        return inFlight.size;
      },
      get kept() {
        return kept.size;
      },
      punctualUs: (nowMs) =>
        [...inFlight].filter((call) => !isLate(call, nowMs)).map((call) => leftUs(call, nowMs)),
    },
    idleCores,
  );
  /** @type {import('#src/lane/waiting/waiting-room.js').WaitingRoom<SimulatedCall>} */
  const waiting = createWaitingRoom(
    rules,
    {
      max,
      get inFlight() {
        return inFlight.size;
      },
      get longInFlight() {
        return longInFlight;
      },
      get inFlightUs() {
        return [...inFlight].reduce((sum, call) => sum + call.estimateUs, 0);
      },
      busy: (nowMs) =>
        [...inFlight].map((call) => ({ remainingUs: leftUs(call, nowMs), isLong: isLong(call.estimateUs) })),
      usable: (estimateUs, nowMs) => spare.usable(estimateUs, nowMs),
    },
    random,
  );

  function freeNow() {
    const free = max - inFlight.size - kept.size;
    const { first } = waiting;
    if (free <= 0 || first === undefined) return 0;
    return Math.min(free, spare.usable(first.estimateUs, clock.nowMs) - inFlight.size);
  }

  /** @param {number} againMs */
  function pump(againMs) {
    lookAgain?.clear();
    lookAgain = undefined;
    for (let free = freeNow(); free > 0; free = freeNow()) {
      const calls = waiting.take(free, clock.nowMs);
      if (calls.length === 0) break;
      for (const call of calls) {
        call.sentMs = clock.nowMs;
        inFlight.add(call);
        if (isLong(call.estimateUs)) longInFlight++;
        run(call);
      }
    }
    if (waiting.size === 0) return;
    const isHeld = waiting.startable(clock.nowMs) === 0 && inFlight.size < max && waiting.first !== undefined;
    if (isHeld) lookAgain = clock.setAlarm(clock.nowMs + againMs, () => pump(lookAgainMs));
  }

  /** @param {string} client */
  function isCrowdedOut(client) {
    const next = waiting.first?.options.client;
    return (
      next !== undefined &&
      !waiting.has(client) &&
      [...inFlight].some(({ options }) => options.client === next)
    );
  }

  return {
    arrive(kind, client, nowMs) {
      kept.came(client, nowMs);
      let ticket;
      try {
        ticket = waiting.admit(client, kind.us, undefined, nowMs);
      } catch {
        return false;
      }
      waiting.add({
        ticket,
        key: ticket.key,
        seq: ticket.seq,
        kind,
        options: { client },
        arrivedMs: nowMs,
        sentMs: nowMs,
        estimateUs: kind.us,
        batchable: false,
      });
      pump(lookSoonMs);
      return true;
    },
    end(call, nowMs) {
      const { client } = call.options;
      const runMs = nowMs - call.sentMs;
      waiting.giveBack(call.ticket, runMs * 1_000, nowMs);
      if (rules.keepsThreads) kept.ended(client, runMs, nowMs, () => isCrowdedOut(client));
      inFlight.delete(call);
      if (isLong(call.estimateUs)) longInFlight--;
      if (inFlight.size === 0) waiting.rested(nowMs);
      pump(lookSoonMs);
    },
  };
}
