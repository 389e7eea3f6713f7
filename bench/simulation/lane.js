// A server process of the simulation. All that the lane decides is decided by the lane's own modules: who is let in,
// the order, which threads are held for a client that returns, and what a call is expected to take: at first what it
// takes on a core of its own, then what such calls took. Only what ties them together, thread-lane.ts, is here once more,
// without threads, messages and deadlines of callers.

import { createEstimates } from '#src/lane/cost/estimate.js';
import { isLong } from '#src/lane/placement.js';
import { createAnticipation } from '#src/lane/pool/anticipation.js';
import { createWaitingRoom } from '#src/lane/waiting/waiting-room.js';

/** @typedef {import('#src/lane/waiting/waiting-room.js').WaitingCall} WaitingCall */
/**
 * @typedef {object} Kind
 * @property {string} name
 * @property {number} us
 * @property {number} [loop] the event loop that took it in
 * @property {number} [cameMs] when it reached that
 */
/** @typedef {WaitingCall & { kind: Kind, sentMs: number }} SimulatedCall */

/**
 * @typedef {object} SimulatedServer
 * @property {(kind: Kind, client: string, nowMs: number) => boolean} arrive false: it was refused
 * @property {(call: SimulatedCall, nowMs: number) => void} end a call that ran has ended
 */

/**
 * @typedef {object} LaneRules
 * @property {number} threads
 * @property {number} maxQueue
 * @property {number} maxWaitMs
 * @property {boolean} anticipates holds a thread for a client that returns
 */

/**
 * @param {LaneRules} rules
 * @param {import('./clock.js').Clock} clock
 * @param {() => number} random
 * @param {(call: SimulatedCall) => void} run a call begins
 * @returns {SimulatedServer}
 */
export function createSimulatedLane(rules, clock, random, run) {
  const { threads: max } = rules;
  /** @type {Set<SimulatedCall>} */
  const inFlight = new Set();
  let longInFlight = 0;

  /** @param {SimulatedCall} call @param {number} nowMs */
  function leftUs({ estimateUs, sentMs }, nowMs) {
    return Math.max(0, estimateUs - (nowMs - sentMs) * 1_000);
  }

  const estimates = createEstimates();
  const expected = createAnticipation(clock.setAlarm, sendNext);
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
      jobRoom: () => 0,
      freeForJobs: 0,
    },
    random,
  );

  const freeNow = () => max - inFlight.size - expected.size;

  function sendNext() {
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
      expected.came(client, nowMs);
      const estimateUs = estimates.kind(kind.name, '').likelyUs(kind.us);
      let ticket;
      try {
        ticket = waiting.admit(client, estimateUs, undefined, nowMs);
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
        estimateUs,
        batchable: false,
      });
      sendNext();
      return true;
    },
    end(call, nowMs) {
      const { client } = call.options;
      const runMs = nowMs - call.sentMs;
      estimates.kind(call.kind.name, '').learn(call.kind.us, runMs * 1_000, true);
      waiting.giveBack(call.ticket, runMs * 1_000, nowMs);
      if (rules.anticipates) expected.ended(client, runMs, nowMs, () => isCrowdedOut(client));
      inFlight.delete(call);
      if (isLong(call.estimateUs)) longInFlight--;
      if (inFlight.size === 0) waiting.rested(nowMs);
      sendNext();
    },
  };
}
