// Simulated time, in ms, and what is to happen at a moment of it. It has the form of the lane's own alarms.
import { createHeap } from './heap.js';

/** @typedef {import('#src/lane/deadlines.js').Alarm} Alarm */
/** @typedef {import('#src/lane/deadlines.js').Deadlines} Deadlines */

/**
 * @typedef {object} Clock
 * @property {number} nowMs
 * @property {() => number} nextMs when the next alarm rings; infinite where there is none
 * @property {() => void} ring the alarm that is next; it is its moment
 * @property {Deadlines} alarms
 */

/** @returns {Clock} */
export function createClock() {
  /** @type {import('./heap.js').Heap<Alarm>} */
  const heap = createHeap();
  const isOff = (/** @type {Alarm} */ alarm) => alarm.index < 0;
  return {
    nowMs: 0,
    nextMs() {
      for (let next = heap.least(); next !== undefined; next = heap.least()) {
        if (!isOff(next.entry)) return next.key;
        heap.take();
      }
      return Number.POSITIVE_INFINITY;
    },
    ring() {
      const alarm = heap.take();
      if (alarm === undefined || isOff(alarm)) return;
      alarm.index = -1;
      alarm.ring();
    },
    alarms: {
      set(atMs, ring) {
        const alarm = { atMs, index: 0, ring };
        heap.add(atMs, alarm);
        return alarm;
      },
      clear(alarm) {
        alarm.index = -1;
      },
      close: () => undefined,
    },
  };
}
