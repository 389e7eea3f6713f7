// How many cores of the machine are idle, as far as the system tells.
import { closeSync, openSync, readSync } from 'node:fs';
import { monotonicMs } from '../../clock.js';

export interface IdleCores {
  /** All of them where it is not known. */
  count(): number;
  close(): void;
}

/** What was read is good for so long: a message that was sent meanwhile counts a moment later. */
const freshMs = 1;

/** @param cores of the machine */
export function createIdleCores(cores: number, path = '/proc/loadavg'): IdleCores {
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
  } catch {
    // No Linux.
  }
  const bytes = Buffer.alloc(128);
  let readMs = Number.NEGATIVE_INFINITY;
  let idle = cores;

  return {
    count() {
      const nowMs = monotonicMs();
      if (fd === undefined || nowMs - readMs < freshMs) return idle;
      readMs = nowMs;
      const running = runningThreads(bytes.toString('latin1', 0, readSync(fd, bytes, 0, bytes.length, 0)));
      // This thread is one of them, and about to wait.
      idle = running === undefined ? cores : Math.max(0, cores - (running - 1));
      return idle;
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
