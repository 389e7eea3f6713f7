// What the running process takes of the machine: memory, and CPU in the last second or so, all its threads included.
import { monotonicMs } from '../clock.js';

export interface ProcessLoad {
  /** Resident memory. */
  readonly memoryBytes: number;
  /** Cores that were busy for it: 0.5 is half of one. */
  readonly cpuCores: number;
}

const windowMs = 900;

/** @returns a function that tells it, over at least the last second where it is asked at least once a second */
export function createProcessLoad(): () => ProcessLoad {
  let since = { atMs: monotonicMs(), usedUs: usedUs() };
  let cpuCores: number | undefined;
  let memoryBytes = 0;
  return () => {
    const now = { atMs: monotonicMs(), usedUs: usedUs() };
    const elapsedMs = now.atMs - since.atMs;
    // Whoever asks at shorter intervals must not leave the next one with nothing.
    if (elapsedMs >= windowMs || (cpuCores === undefined && elapsedMs > 0)) {
      cpuCores = Math.round((now.usedUs - since.usedUs) / elapsedMs / 10) / 100;
      since = now;
    }
    try {
      memoryBytes = process.memoryUsage.rss();
    } catch {
      // It reads a file, and there may be no descriptor to open it with: the last figure stays.
    }
    return { memoryBytes, cpuCores: cpuCores ?? 0 };
  };
}

function usedUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
