// The clock of an open loop, on a thread of its own: setTimeout is only good to a millisecond or two.
import { parentPort, workerData } from 'node:worker_threads';

const { fromMs, untilMs, perSecond, originMs } = workerData;
const cell = new Int32Array(new SharedArrayBuffer(4));
/** A thread's performance.now() starts with the thread; the parent's is wanted. */
const shiftMs = performance.timeOrigin - originMs;
const random = pseudoRandom(20_26);

for (let dueMs = fromMs; dueMs < untilMs; dueMs += gapMs()) {
  const waitMs = dueMs - shiftMs - performance.now();
  if (waitMs > 0) Atomics.wait(cell, 0, 0, waitMs);
  parentPort.postMessage(dueMs);
}

/** Exponential: arrivals of many independent clients. */
function gapMs() {
  return (-Math.log(1 - random()) * 1_000) / perSecond;
}

/** mulberry32: every variant gets the same timetable. */
function pseudoRandom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
