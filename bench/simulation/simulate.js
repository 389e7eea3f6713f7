// What this machine's two cores cannot show: 8 to 128 cores, how many processes and threads, under which load and by
// which rules. A discrete-event simulation, seconds to run: calls arrive at random (Poisson) at random server processes,
// wait there for one of its threads, and the threads of all processes share the cores evenly, as the kernel has it.
// What it leaves out: HTTP, hops, caches, starts of threads, uneven connections, costs that are stated wrongly.
// What a server process decides is in lane.ts; the tables are scenarios/simulation.js.
import { pseudoRandom } from '../pseudo-random.js';
import { percentile } from '../statistics.js';
import { createClock } from './clock.js';
import { createFifo } from './fifo.js';
import { createHeap } from './heap.js';
import { createSimulatedLane } from './lane.js';

/** @typedef {import('./lane.js').SimulatedCall} SimulatedCall */
/** @typedef {import('./lane.js').SimulatedServer} SimulatedServer */

/**
 * @typedef {object} CallClass
 * @property {string} name
 * @property {number} us its work, in µs of a core
 * @property {number} share of all calls
 * @property {string} [client] all from this one; otherwise each from another
 */

/**
 * One client of the first server process that makes one call after the other.
 * @typedef {object} Returning
 * @property {string} name
 * @property {number} us
 * @property {number} awayMs from an answer to its next call
 */

/**
 * @typedef {object} Machine
 * @property {number} cores
 * @property {number} processes
 * @property {number} threads of each process
 * @property {'lane' | 'fifo'} [order]
 * @property {boolean} [anticipates] holds a thread for a client that returns
 * @property {number} [maxQueue]
 * @property {number} [maxWaitMs]
 * @property {number} load of all cores: 1 is what they can just do
 * @property {readonly CallClass[]} classes
 * @property {Returning} [returning]
 * @property {number} [calls] that arrive at random
 */

/**
 * @typedef {object} Outcome
 * @property {number} p50 from arrival to end, in lengths of the call itself
 * @property {number} p99
 * @property {number} ended calls that ran, also before the queues had filled
 * @property {number} refused calls that did not
 */

/** A client that was refused comes again after this time. */
const retryMs = 1_000;

/**
 * @param {Machine} machine
 * @returns {{ classes: Record<string, Outcome>, crowdedShare: number }} crowdedShare: of the time, in which more
 *   threads wanted a core than there were
 */
export function simulate(machine) {
  const { cores, processes, load, classes, returning, calls = 25_000 } = machine;
  const random = pseudoRandom(7);
  const clock = createClock();
  /** @type {import('./heap.js').Heap<{ call: SimulatedCall, server: SimulatedServer }>} */
  const running = createHeap();
  // All running calls get the same share of a core, so one clock of received work serves them all: a call ends when
  // that clock has gone on by its work. In ms.
  let receivedMs = 0;
  let crowdedMs = 0;
  const servers = Array.from({ length: processes }, () =>
    createServer(machine, clock, random, running, () => receivedMs),
  );
  const seen = new Map(
    [...classes, ...(returning ? [returning] : [])].map(({ name }) => [name, createSeen()]),
  );
  const meanMs = classes.reduce((sum, one) => sum + one.us * one.share, 0) / 1_000;
  const gapMs = meanMs / (load * cores);
  let arrivals = 0;
  let open = 0;

  /** @param {{ name: string, us: number }} kind @param {string} client @param {SimulatedServer | undefined} server */
  function arrive(kind, client, server) {
    const isIn = server?.arrive(kind, client, clock.nowMs) ?? false;
    if (isIn) open++;
    else seen.get(kind.name)?.refuse();
    return isIn;
  }

  function arriveAtRandom() {
    const kind = pick(classes, random());
    arrive(kind, kind.client ?? `client ${arrivals}`, servers[Math.floor(random() * processes)]);
    if (++arrivals < calls) clock.setAlarm(clock.nowMs - Math.log(1 - random()) * gapMs, arriveAtRandom);
  }

  /** @param {Returning} client */
  function comeBack(client) {
    if (arrivals >= calls) return;
    if (!arrive(client, client.name, servers[0]))
      clock.setAlarm(clock.nowMs + retryMs, () => comeBack(client));
  }

  clock.setAlarm(0, arriveAtRandom);
  if (returning !== undefined) clock.setAlarm(0, () => comeBack(returning));
  while (arrivals < calls || open > 0) {
    const rate = Math.min(1, cores / Math.max(1, running.size));
    const least = running.least();
    const endMs =
      least === undefined ? Number.POSITIVE_INFINITY : clock.nowMs + (least.key - receivedMs) / rate;
    const alarmMs = clock.nextMs();
    const untilMs = Math.max(clock.nowMs, Math.min(endMs, alarmMs));
    receivedMs += (untilMs - clock.nowMs) * rate;
    if (running.size > cores) crowdedMs += untilMs - clock.nowMs;
    clock.nowMs = untilMs;
    if (alarmMs <= endMs) {
      clock.ring();
      continue;
    }
    const ended = running.take();
    if (ended === undefined) throw new Error('calls wait, and nothing will ever happen');
    const { call, server } = ended;
    open--;
    // The first fifth fills the queues.
    seen
      .get(call.kind.name)
      ?.end((clock.nowMs - call.arrivedMs) / (call.kind.us / 1_000), arrivals > calls / 5);
    server.end(call, clock.nowMs);
    if (returning !== undefined && call.kind === returning)
      clock.setAlarm(clock.nowMs + returning.awayMs, () => comeBack(returning));
  }
  return {
    classes: Object.fromEntries([...seen].map(([name, one]) => [name, one.outcome()])),
    crowdedShare: crowdedMs / clock.nowMs,
  };
}

/**
 * @param {Machine} machine
 * @param {import('./clock.js').Clock} clock
 * @param {() => number} random
 * @param {import('./heap.js').Heap<{ call: SimulatedCall, server: SimulatedServer }>} running
 * @param {() => number} receivedMs
 * @returns {SimulatedServer}
 */
function createServer(machine, clock, random, running, receivedMs) {
  const { threads, order = 'lane' } = machine;
  const { anticipates = true, maxQueue = 1_024, maxWaitMs = 5_000 } = machine;

  /** @param {SimulatedCall} call */
  function run(call) {
    running.add(receivedMs() + call.kind.us / 1_000, { call, server });
  }

  const rules = { threads, maxQueue, maxWaitMs, anticipates };
  const server = order === 'fifo' ? createFifo(threads, run) : createSimulatedLane(rules, clock, random, run);
  return server;
}

function createSeen() {
  /** @type {number[]} */
  const lengths = [];
  let ended = 0;
  let refused = 0;
  return {
    /** @param {number} length @param {boolean} counts */
    end(length, counts) {
      ended++;
      if (counts) lengths.push(length);
    },
    refuse() {
      refused++;
    },
    /** @returns {Outcome} */
    outcome() {
      const sorted = Float64Array.from(lengths).sort();
      return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), ended, refused };
    },
  };
}

/** @param {readonly CallClass[]} classes @param {number} at 0 to 1 */
function pick(classes, at) {
  let sum = 0;
  for (const one of classes) {
    sum += one.share;
    if (at < sum) return one;
  }
  const last = classes.at(-1);
  if (last === undefined) throw new RangeError('there is no class of calls');
  return last;
}
