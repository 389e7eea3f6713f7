// Whether a core of the machine is idle, as far as the system tells.
import { closeSync, openSync, readSync } from 'node:fs';
import { monotonicMs } from '../clock.js';

export interface IdleCore {
  /** True where it is not known. */
  isThere(): boolean;
  close(): void;
}

/** What was read is good for so long: a message that was sent meanwhile counts a moment later. */
const freshMs = 1;

/** @param cores of the machine */
export function createIdleCore(cores: number, path = '/proc/loadavg'): IdleCore {
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
  } catch {
    // No Linux.
  }
  const bytes = Buffer.alloc(128);
  let readMs = Number.NEGATIVE_INFINITY;
  let isThere = true;

  return {
    isThere() {
      const nowMs = monotonicMs();
      if (fd === undefined || nowMs - readMs < freshMs) return isThere;
      readMs = nowMs;
      const running = runningThreads(bytes.toString('latin1', 0, readSync(fd, bytes, 0, bytes.length, 0)));
      // This thread is one of them, and about to wait.
      isThere = running === undefined || running - 1 < cores;
      return isThere;
    },
    close() {
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
  };
}

/** `0.20 0.18 0.12 3/80 11206` → 3: threads of the machine that run or want to (proc_loadavg(5)). */
function runningThreads(line: string): number | undefined {
  const count = Number(/ (\d+)\//.exec(line)?.[1]);
  return Number.isNaN(count) ? undefined : count;
}
