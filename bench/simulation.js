// What this machine's two cores cannot show: 8 to 128 cores, how many processes and threads, in which order, under
// which load. A discrete-event simulation, seconds to run: calls arrive at random (Poisson) at random server
// processes, wait in the queue of theirs for one of its threads, and the threads of all processes share the cores
// evenly, as the kernel has it. The order of a queue and the rule that keeps a thread from long calls are the server's
// own modules. What it leaves out: HTTP, hops, caches, uneven connections.
// Its tables: scenarios/simulation.js.

import { isLong, longCapacity } from '../dist/src/lane/placement.js';
import { createCallQueue } from '../dist/src/lane/waiting/call-queue.js';
import { createFairOrder } from '../dist/src/lane/waiting/fair-order.js';
import { isBefore } from '../dist/src/lane/waiting/treap.js';
import { pseudoRandom } from './pseudo-random.js';
import { percentile } from './statistics.js';

/**
 * @typedef {object} CallClass
 * @property {string} name
 * @property {number} us its work, in µs of a core
 * @property {number} share of all calls
 * @property {string} [client] all from this one; otherwise from many
 */

/**
 * @param {object} options
 * @param {number} options.cores
 * @param {number} options.processes
 * @param {number} options.threads of each process
 * @param {'fifo' | 'fair'} options.order
 * @param {number} options.load of all cores, 0 to 1
 * @param {readonly CallClass[]} options.classes
 * @param {number} [options.calls]
 * @returns {Record<string, { p50: number, p99: number }>} for each class its time from arrival to end, in its own work
 */
export function simulate({ cores, processes, threads, order, load, classes, calls = 25_000 }) {
  const random = pseudoRandom(7);
  const servers = Array.from({ length: processes }, () => createServer(threads, order));
  const meanUs = classes.reduce((sum, one) => sum + one.us * one.share, 0);
  const gapUs = meanUs / (load * cores);
  const running = createHeap();
  const slowdowns = Object.fromEntries(classes.map(({ name }) => [name, []]));
  // All running calls get the same share of a core, so one clock of received work serves them all: a call ends when
  // the clock has gone on by its work.
  let receivedUs = 0;
  let nowUs = 0;
  let arrivals = 0;
  let nextArrivalUs = 0;

  while (arrivals < calls || running.size > 0) {
    const rate = Math.min(1, cores / Math.max(1, running.size));
    const endUs = running.size > 0 ? nowUs + (running.least().key - receivedUs) / rate : Infinity;
    const arrivalUs = arrivals < calls ? nextArrivalUs : Infinity;
    const untilUs = Math.min(endUs, arrivalUs);
    receivedUs += (untilUs - nowUs) * rate;
    nowUs = untilUs;
    let server;
    if (arrivalUs <= endUs) {
      nextArrivalUs = nowUs - Math.log(1 - random()) * gapUs;
      server = servers[Math.floor(random() * processes)];
      server.arrive(pick(classes, random()), arrivals++, nowUs);
    } else {
      const { call } = running.take();
      ({ server } = call);
      server.end(call);
      // The first fifth fills the queues.
      if (call.seq > calls / 5) slowdowns[call.kind.name].push((nowUs - call.arrivedUs) / call.kind.us);
    }
    for (const call of server.begin()) running.add({ key: receivedUs + call.kind.us, call });
  }
  return Object.fromEntries(
    Object.entries(slowdowns).map(([name, values]) => {
      const sorted = Float64Array.from(values).sort();
      return [name, { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) }];
    }),
  );
}

function createServer(threads, order) {
  const isFair = order === 'fair';
  const queues = { short: createCallQueue(), long: createCallQueue() };
  const fair = createFairOrder();
  let busy = 0;
  let busyLong = 0;

  /** As in the waiting room: the first of all, or of those that are not long where no more of these may run. */
  function next() {
    const short = queues.short.at(0);
    const long = busyLong < longCapacity(threads) ? queues.long.at(0) : undefined;
    if (short === undefined || long === undefined) return short ?? long;
    return isBefore(long, short) ? long : short;
  }

  const server = {
    arrive(kind, seq, nowUs) {
      const client = kind.client ?? `client ${seq}`;
      const place = isFair ? fair.place(client, kind.us) : { tag: 0, key: seq };
      const isLongCall = isFair && isLong(kind.us);
      const call = { ...place, seq, estimateUs: kind.us, kind, client, isLongCall, arrivedUs: nowUs, server };
      queues[isLongCall ? 'long' : 'short'].add(call);
    },
    /** Takes from the queue what may run now. */
    begin() {
      const begun = [];
      for (let call = next(); call !== undefined && busy < threads; call = next()) {
        queues[call.isLongCall ? 'long' : 'short'].remove(call);
        if (isFair) fair.taken(call.tag, call.estimateUs);
        busy++;
        if (call.isLongCall) busyLong++;
        begun.push(call);
      }
      return begun;
    },
    end({ client, isLongCall }) {
      busy--;
      if (isLongCall) busyLong--;
      if (isFair) fair.left(client, 0);
    },
  };
  return server;
}

function pick(classes, at) {
  let sum = 0;
  for (const one of classes) {
    sum += one.share;
    if (at < sum) return one;
  }
  return classes.at(-1);
}

/** A binary heap of entries by key. */
function createHeap() {
  const entries = [];
  const swap = (i, j) => ([entries[i], entries[j]] = [entries[j], entries[i]]);
  return {
    get size() {
      return entries.length;
    },
    least: () => entries[0],
    add(entry) {
      let i = entries.push(entry) - 1;
      for (let up = (i - 1) >> 1; i > 0 && entries[up].key > entries[i].key; up = (i - 1) >> 1) {
        swap(i, up);
        i = up;
      }
    },
    take() {
      const [least] = entries;
      const last = entries.pop();
      if (entries.length > 0) entries[0] = last;
      for (let i = 0; ; ) {
        const left = 2 * i + 1;
        let least = i;
        if (left < entries.length && entries[left].key < entries[least].key) least = left;
        if (left + 1 < entries.length && entries[left + 1].key < entries[least].key) least = left + 1;
        if (least === i) break;
        swap(i, least);
        i = least;
      }
      return least;
    },
  };
}
