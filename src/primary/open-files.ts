// How many descriptors this process may have.
import { readFileSync } from 'node:fs';

/** Infinity where the system does not tell. Node raises its own limit to the hard one when it starts. */
export function openFilesLimit(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
