// How many threads may a call have? The one answer, from how many there may be now (threads.ts), what is in flight
// (in-flight.ts), which are spare (spare-threads.ts) and which are kept for a client (kept-threads.ts). How many of
// them long calls may have is placement.ts.
import { cpus } from 'node:os';
import { setAlarm } from '../alarm.js';
import type { ThreadLoad } from '../waiting/waiting-room.js';
import { createIdleCores } from './idle-cores.js';
import type { Slots } from './in-flight.js';
import { createKeptThreads, type KeptThreads } from './kept-threads.js';
import { createSpareThreads } from './spare-threads.js';
import type { Threads } from './threads.js';

export interface Capacity extends ThreadLoad, Pick<KeptThreads, 'came' | 'ended' | 'close'> {
  /** Threads that may take a message now whose first call has this estimate. */
  free(estimateUs: number, nowMs: number): number;
  /** Threads to be started for so many calls that wait for nothing but a thread. */
  missing(startable: number): number;
}

/**
 * @param share threads that keep the process's share of the cores busy
 * @param most threads that there may ever be
 * @param released a thread is kept no longer, for nobody came in time
 */
export function createCapacity(
  { share, most }: { readonly share: number; readonly most: number },
  threads: Threads,
  slots: Slots,
  released: () => void,
): Capacity {
  const idleCores = createIdleCores(cpus().length);
  const kept = createKeptThreads(setAlarm, released);
  const taken = {
    get inFlight() {
      return slots.inFlight;
    },
    get kept() {
      return kept.size;
    },
    punctualUs: (nowMs: number) => slots.punctualUs(nowMs),
  };
  const spare = createSpareThreads({ share, max: most }, taken, () => idleCores.count());

  const usable = (estimateUs: number, nowMs: number): number =>
    Math.min(threads.capacity, spare.usable(estimateUs, nowMs));

  return {
    get max() {
      return threads.capacity;
    },
    get inFlight() {
      return slots.inFlight;
    },
    get longInFlight() {
      return slots.longInFlight;
    },
    get inFlightUs() {
      return slots.inFlightUs;
    },
    busy: (nowMs) => slots.busy(nowMs),
    usable,
    free(estimateUs, nowMs) {
      const free = slots.free - kept.size;
      return free <= 0 ? 0 : Math.min(free, spare.usable(estimateUs, nowMs) - slots.inFlight);
    },
    missing: (startable) => Math.min(threads.capacity - threads.total, startable - threads.changing),
    came: (client, nowMs) => kept.came(client, nowMs),
    ended: (client, runMs, nowMs, isCrowded) => kept.ended(client, runMs, nowMs, isCrowded),
    close() {
      kept.close();
      idleCores.close();
    },
  };
}
