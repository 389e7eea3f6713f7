// How far threads step back behind the event loops. On Linux each thread has a priority of its own; elsewhere, and in
// a sandbox that forbids it, all run at that of their process.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';

/** This thread: /proc/thread-self names it (the last part is its id). */
export function stepBack(nice: number): void {
  lower(nice, () => [Number(readlinkSync('/proc/thread-self').split('/').at(-1))]);
}

/**
 * V8's threads of this process, which compile and collect garbage for all of its heaps: under load mostly for those of
 * the pool's threads, in slices of 2 to 4 ms that the event loop would wait for. To be called before any thread is started.
 */
export function stepBackV8(nice: number): void {
  lower(nice, () => {
    const threads = readdirSync('/proc/self/task')
      .map(Number)
      .filter((id) => id !== process.pid)
      .sort((a, b) => a - b);
    const named = threads.filter((id) =>
      readFileSync(`/proc/self/task/${id}/comm`, 'latin1').trimEnd().endsWith('V8Worker'),
    );
    // Without a name before Node 24: four of them, behind the first thread that Node starts.
    return named.length > 0 ? named : threads.slice(1, 5);
  });
}

function lower(nice: number, threads: () => readonly number[]): void {
  if (nice === 0 || process.platform !== 'linux') return;
  try {
    for (const id of threads()) setPriority(id, nice);
  } catch {
    // Forbidden, or without /proc.
  }
}
