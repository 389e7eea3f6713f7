// The clock of an open loop, on a thread of its own: setTimeout is only good to a millisecond or two.
import { parentPort, workerData } from 'node:worker_threads';
import { pseudoRandom } from '../pseudo-random.js';

const { fromMs, untilMs, perSecond, originMs } = workerData;
const cell = new Int32Array(new SharedArrayBuffer(4));
/** A thread's performance.now() starts with the thread; the parent's is wanted. */
const shiftMs = performance.timeOrigin - originMs;
/** Every variant gets the same timetable. */
const random = pseudoRandom(2_026);

for (let dueMs = fromMs; dueMs < untilMs; dueMs += gapMs()) {
  const waitMs = dueMs - shiftMs - performance.now();
  if (waitMs > 0) Atomics.wait(cell, 0, 0, waitMs);
  parentPort?.postMessage(dueMs);
}

/** Exponential: arrivals of many independent clients. */
function gapMs() {
  return (-Math.log(1 - random()) * 1_000) / perSecond;
}
