// Simulated time, in ms, and what is to happen at a moment of it. It has the form of the lane's own alarms.
import { createHeap } from './heap.js';

/** @typedef {{ isOff: boolean, ring(): void, clear(): void }} Alarm */

/**
 * @typedef {object} Clock
 * @property {number} nowMs
 * @property {() => number} nextMs when the next alarm rings; infinite where there is none
 * @property {() => void} ring the alarm that is next; it is its moment
 * @property {import('#src/lane/alarm.js').SetAlarm} setAlarm
 */

/** @returns {Clock} */
export function createClock() {
  /** @type {import('./heap.js').Heap<Alarm>} */
  const heap = createHeap();
  return {
    nowMs: 0,
    nextMs() {
      for (let next = heap.least(); next !== undefined; next = heap.least()) {
        if (!next.entry.isOff) return next.key;
        heap.take();
      }
      return Number.POSITIVE_INFINITY;
    },
    ring() {
      const alarm = heap.take();
      if (alarm === undefined || alarm.isOff) return;
      alarm.isOff = true;
      alarm.ring();
    },
    setAlarm(atMs, ring) {
      const alarm = {
        isOff: false,
        ring,
        clear() {
          alarm.isOff = true;
        },
      };
      heap.add(atMs, alarm);
      return alarm;
    },
  };
}
