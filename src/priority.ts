// How far threads step back behind the event loops. On Linux each thread has a priority of its own; elsewhere, and in
// a sandbox that forbids it, all run at that of their process.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';

/** This thread. */
export function stepBack(nice: number): void {
  lower(nice, () => [threadSelf()]);
}

/**
 * Another thread of this process, by the system's id of it. Only a privileged process could undo it.
 * @returns whether it has
 */
export function stepBackThread(id: number, nice: number): boolean {
  return lower(nice, () => [id]);
}

/**
 * How far threads that run calls step back while there are threads that run jobs: behind the event loops 10 is about as good
 * as 19, and beside a job at 19 a call at 10 has seven eighths of a core.
 */
export const niceBesideJobs = (nice: number): number => Math.ceil(nice / 2);

/** The system's id of this thread, where it tells: /proc/thread-self names it (the last part is its id). */
export function osThreadId(): number | undefined {
  try {
    return threadSelf();
  } catch {
    return undefined;
  }
}

function threadSelf(): number {
  return Number(readlinkSync('/proc/thread-self').split('/').at(-1));
}

/**
 * V8's threads of this process, which compile and collect garbage for all of its heaps: under load mostly for those of
 * the pool's threads, in slices of 2 to 4 ms that the event loop would wait for. To be called before any thread is started.
 */
export function stepBackV8(nice: number): void {
  lower(nice, () => {
    const threads = others();
    const named = threads.filter((id) => nameOf(id).endsWith('V8Worker'));
    // Node 20 and 22: without a name there. Four of them, behind the first thread that Node starts.
    return named.length > 0 ? named : threads.slice(1, 5);
  });
}

/**
 * libuv's threads, on which the native work of tasks runs that is not synchronous (sharp, npm's argon2 and bcrypt,
 * node:crypto's and node:zlib's callbacks). What these start themselves takes their priority over. There is one such
 * pool in a process: what the event loop gives it (files, names of hosts) steps back as well. To be called before any
 * module but our own is loaded, which may start threads too.
 */
export async function stepBackLibuv(nice: number): Promise<void> {
  if (nice === 0 || process.platform !== 'linux') return;
  // They are started by the first who needs one.
  const { stat } = await import('node:fs/promises');
  await stat('/').catch(() => undefined);
  lower(nice, () => {
    const threads = others();
    const named = threads.filter((id) => nameOf(id) === 'libuv-worker');
    // Node 20: without a name there, which needs them to load its first module: behind V8's, and the one that waits for SIGUSR1.
    return named.length > 0 ? named : threads.slice(6);
  });
}

/** All but the main thread's, the oldest first. */
function others(): number[] {
  return readdirSync('/proc/self/task')
    .map(Number)
    .filter((id) => id !== process.pid)
    .sort((a, b) => a - b);
}

function nameOf(id: number): string {
  return readFileSync(`/proc/self/task/${id}/comm`, 'latin1').trimEnd();
}

/** Behind the event loop, which has the priority that the process was started with (`nice -n 5 npm start`). */
function lower(nice: number, threads: () => readonly number[]): boolean {
  if (nice === 0 || process.platform !== 'linux') return false;
  try {
    const steppedBack = Math.min(constants.priority.PRIORITY_LOW, getPriority(process.pid) + nice);
    for (const id of threads()) setPriority(id, steppedBack);
    return true;
  } catch {
    // Forbidden, or without /proc.
    return false;
  }
}
