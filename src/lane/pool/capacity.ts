// How many threads may a call have? The one answer, from how many there may be now (threads.ts), what is in flight
// (in-flight.ts) and which are held for a client that will be back (anticipation.ts). How many of them long calls may have
// is placement.ts.
import { setAlarm } from '../alarm.js';
import { jobCapacity } from '../placement.js';
import type { ThreadLoad } from '../waiting/waiting-room.js';
import { type Anticipation, createAnticipation } from './anticipation.js';
import type { InFlight } from './in-flight.js';
import type { Threads } from './threads.js';

export interface Capacity extends ThreadLoad, Pick<Anticipation, 'came' | 'ended' | 'close'> {
  /** Threads that may take a message now. */
  readonly free: number;
  /** Jobs that may ever run at once. */
  readonly mostJobs: number;
  /** Threads to be started for so many calls that wait for nothing but a thread. */
  missing(startable: number): number;
}

/** @param released a thread is held no longer, for nobody came in time */
export function createCapacity(threads: Threads, inFlight: InFlight, released: () => void): Capacity {
  const expected = createAnticipation(setAlarm, released);
  const mostJobs = (): number => jobCapacity(threads.capacity);
  const calls = (): number => inFlight.size - inFlight.jobs;
  return {
    get max() {
      return threads.capacity;
    },
    get inFlight() {
      return calls();
    },
    get mostJobs() {
      return mostJobs();
    },
    jobRoom: () => Math.max(0, mostJobs() - inFlight.size),
    get freeForJobs() {
      return inFlight.freeForJobs;
    },
    get longInFlight() {
      return inFlight.longSize;
    },
    get inFlightUs() {
      return inFlight.workUs;
    },
    busy: (nowMs) => inFlight.busy(nowMs),
    get free() {
      // Where it is 0, as it mostly is, nothing else need be known.
      const { free } = inFlight;
      return free === 0 ? 0 : Math.max(0, Math.min(free - expected.size, threads.capacity - calls()));
    },
    missing: (startable) => Math.min(threads.capacity - threads.total, startable - threads.changing),
    came: expected.came,
    ended: expected.ended,
    close: expected.close,
  };
}
