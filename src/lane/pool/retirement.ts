// Ends threads that had nothing to do for long: those for calls above the minimum, and all for jobs.
import { monotonicMs } from '../../clock.js';
import type { ThreadMembers } from './thread-members.js';

export interface Retirement {
  /** A thread became idle. */
  schedule(): void;
  close(): void;
}

/** @param min threads for calls that stay */
export function createRetirement(members: ThreadMembers, min: number, idleTimeoutMs: number): Retirement {
  let timer: NodeJS.Timeout | undefined;

  /** The last ones first, since the first are given work first. */
  function retire(): void {
    timer = undefined;
    const nowMs = monotonicMs();
    const staying = members.all.filter(({ state, hasPlace }) => hasPlace && state !== 'ending');
    const jobThreads = staying.filter(({ isForJobs }) => isForJobs).length;
    let spare = staying.length - jobThreads - min;
    // One that serves calls because there is no other stays.
    let spareForJobs = members.total === 0 ? jobThreads - 1 : jobThreads;
    let nextMs = Number.POSITIVE_INFINITY;
    for (const one of members.all.toReversed()) {
      if ((one.isForJobs ? spareForJobs : spare) <= 0 || !one.isIdle) continue;
      const leftMs = one.idleSinceMs + idleTimeoutMs - nowMs;
      if (leftMs > 0) {
        nextMs = Math.min(nextMs, leftMs);
        continue;
      }
      if (one.isForJobs) spareForJobs--;
      else spare--;
      one.leave();
    }
    if (nextMs < Number.POSITIVE_INFINITY) timer = setTimeout(retire, nextMs).unref();
  }

  return {
    schedule() {
      if (members.total > min || members.counts.forJobs > 0)
        timer ??= setTimeout(retire, idleTimeoutMs).unref();
    },
    close: () => clearTimeout(timer),
  };
}
