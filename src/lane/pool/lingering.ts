// Threads that linger: left to a call that goes on though nobody waits for it, or stuck in native code. How many there may
// be beside those that work, and when there should be a new process. How one comes to linger is pool-thread.ts.
import type { ThreadMembers } from './thread-members.js';

export interface Lingering {
  /** How many threads there may be that work: those that linger beyond their number take the places of others. */
  readonly mostWorking: number;
  /** To be called when one lingers, or none can be started: whether it is time for a new process. Once. */
  wears(capacity: number): boolean;
}

/**
 * Each holds some 10 MiB and what its call holds, and their native work shares the four threads of libuv's pool with that
 * of all others.
 */
const least = 8;
const perThread = 2;

/** @param max threads that may work where none lingers */
export function createLingering(members: ThreadMembers, max: number): Lingering {
  const most = Math.max(least, perThread * max);
  const size = (): number => members.counts.leftover + members.counts.stuck;
  let isWorn = false;
  return {
    get mostWorking() {
      return Math.max(0, max - Math.max(0, size() - most));
    },
    wears(capacity) {
      const isLost = members.counts.stuck > 0 && capacity === 0;
      if (isWorn || (size() < most && !isLost)) return false;
      isWorn = true;
      return true;
    },
  };
}
