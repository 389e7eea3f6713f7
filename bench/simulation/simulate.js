// What this machine's two cores cannot show: 8 to 128 cores, how many processes and threads, under which load and by
// which rules. A discrete-event simulation, seconds to run: calls arrive at random (Poisson) at random server processes,
// wait there for one of its threads, and the threads of all processes share the cores evenly, as the kernel has it.
// With `costs` the event loops take their part. What it leaves out: caches, starts of threads, uneven connections, costs
// of tasks that are stated wrongly.
// What a server process decides is in lane.ts; the tables are scenarios/simulation.js.
import { pseudoRandom } from '../pseudo-random.js';
import { percentile } from '../statistics.js';
import { createClock } from './clock.js';
import { createFifo } from './fifo.js';
import { createHeap } from './heap.js';
import { createSimulatedLane } from './lane.js';
import { createLoops } from './loops.js';

/** @typedef {import('./lane.js').SimulatedCall} SimulatedCall */
/** @typedef {import('./lane.js').SimulatedServer} SimulatedServer */
/** @typedef {import('./lane.js').Kind} Kind */

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
 * @property {import('./loops.js').Costs | undefined} [costs] of the event loops; otherwise they cost nothing
 * @property {boolean} [oneQueue] one queue and its threads for all processes
 * @property {number} [choices] processes that are looked at for each call, which goes to the one with the fewest
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
 * @returns {{ classes: Record<string, Outcome>, crowdedShare: number, goodput: number }} crowdedShare: of the time, in which more
 *   threads wanted a core than there were; goodput: work of the calls that ended, as a share of the cores, while the last four fifths of them came
 */
export function simulate(machine) {
  const { cores, processes, load, classes, returning, calls = 25_000 } = machine;
  const { costs, oneQueue = false, choices = 1 } = machine;
  const random = pseudoRandom(7);
  const clock = createClock();
  /** @type {import('./heap.js').Heap<{ call: SimulatedCall, server: SimulatedServer }>} */
  const running = createHeap();
  // All running calls get the same share of a core, so one clock of received work serves them all: a call ends when
  // that clock has gone on by its work. In ms.
  let receivedMs = 0;
  let crowdedMs = 0;
  const loops = createLoops(processes, clock);
  /** @param {SimulatedCall} call @param {SimulatedServer} server */
  function run(call, server) {
    const begin = () => running.add(receivedMs + call.kind.us / 1_000, { call, server });
    if (costs === undefined) return void begin();
    const { hopUs, wakeUs } = costs;
    loops.work(call.kind.loop ?? 0, hopUs / 2, () => clock.setAlarm(clock.nowMs + wakeUs / 1_000, begin));
  }
  const servers = Array.from({ length: oneQueue ? 1 : processes }, () =>
    createServer(machine, clock, random, run),
  );
  /** Calls that each process has. */
  const openAt = new Uint32Array(processes);
  const seen = new Map(
    [...classes, ...(returning ? [returning] : [])].map(({ name }) => [name, createSeen()]),
  );
  const meanMs = classes.reduce((sum, one) => sum + one.us * one.share, 0) / 1_000;
  const gapMs = meanMs / (load * cores);
  let arrivals = 0;
  let lastArrivalMs = 0;
  /** @type {number | undefined} */
  let countedFromMs;
  let doneMs = 0;
  let open = 0;

  /** @param {Kind} kind @param {string} client @param {SimulatedServer | undefined} server */
  function arrive(kind, client, server) {
    const isIn = server?.arrive(kind, client, clock.nowMs) ?? false;
    if (isIn) open++;
    else seen.get(kind.name)?.refuse();
    return isIn;
  }

  /** @param {import('./loops.js').Costs} costs @param {Kind} kind @param {string} client @param {number} process */
  function arriveByLoop({ requestUs, refusalUs }, kind, client, process) {
    open++;
    const cameMs = clock.nowMs;
    loops.work(process, requestUs, () => {
      open--;
      const isIn = arrive({ ...kind, loop: process, cameMs }, client, servers[oneQueue ? 0 : process]);
      if (isIn) openAt[process] = (openAt[process] ?? 0) + 1;
      else loops.work(process, Math.max(0, refusalUs - requestUs), () => undefined);
    });
  }

  function pickProcess() {
    let least = Math.floor(random() * processes);
    for (let choice = 1; choice < choices; choice++) {
      const other = Math.floor(random() * processes);
      if ((openAt[other] ?? 0) < (openAt[least] ?? 0)) least = other;
    }
    return least;
  }

  function arriveAtRandom() {
    const kind = pick(classes, random());
    const client = kind.client ?? `client ${arrivals}`;
    const process = pickProcess();
    if (costs === undefined) arrive(kind, client, servers[process]);
    else arriveByLoop(costs, kind, client, process);
    lastArrivalMs = clock.nowMs;
    // The first fifth fills the queues.
    if (arrivals > calls / 5) countedFromMs ??= clock.nowMs;
    if (++arrivals < calls) clock.setAlarm(clock.nowMs - Math.log(1 - random()) * gapMs, arriveAtRandom);
  }

  /** @param {SimulatedCall} call @param {SimulatedServer} server */
  function ended(call, server) {
    const { kind } = call;
    open--;
    if (countedFromMs !== undefined && arrivals < calls) doneMs += kind.us / 1_000;
    const tookMs = clock.nowMs - (kind.cameMs ?? call.arrivedMs);
    seen.get(kind.name)?.end(tookMs / (kind.us / 1_000), countedFromMs !== undefined);
    server.end(call, clock.nowMs);
    if (returning !== undefined && kind === returning)
      clock.setAlarm(clock.nowMs + returning.awayMs, () => comeBack(returning));
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
    const rate = Math.min(1, Math.max(0, cores - loops.busy) / Math.max(1, running.size));
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
    const next = running.take();
    if (next === undefined) throw new Error('calls wait, and nothing will ever happen');
    const { call, server } = next;
    const { loop } = call.kind;
    if (costs === undefined || loop === undefined) ended(call, server);
    else
      clock.setAlarm(clock.nowMs + costs.wakeUs / 1_000, () =>
        loops.work(loop, costs.hopUs / 2, () => {
          openAt[loop] = (openAt[loop] ?? 0) - 1;
          ended(call, server);
        }),
      );
  }
  return {
    classes: Object.fromEntries([...seen].map(([name, one]) => [name, one.outcome()])),
    crowdedShare: crowdedMs / clock.nowMs,
    goodput: doneMs / ((lastArrivalMs - (countedFromMs ?? 0)) * cores),
  };
}

/**
 * @param {Machine} machine
 * @param {import('./clock.js').Clock} clock
 * @param {() => number} random
 * @param {(call: SimulatedCall, server: SimulatedServer) => void} begin
 * @returns {SimulatedServer}
 */
function createServer(machine, clock, random, begin) {
  const { threads, order = 'lane', oneQueue = false, processes } = machine;
  const { anticipates = true, maxQueue = 1_024, maxWaitMs = 5_000 } = machine;

  /** @param {SimulatedCall} call */
  function run(call) {
    begin(call, server);
  }

  const all = oneQueue ? processes : 1;
  const rules = { threads: threads * all, maxQueue: maxQueue * all, maxWaitMs, anticipates };
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
