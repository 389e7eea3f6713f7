// What a server costs: CPU time and memory of a process and all its children, threads included, as Linux counts them.
import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks of /proc, in ms: USER_HZ is 100 on every Linux that Node runs on. */
const tickMs = 10;

/** @param {number} pid @returns {number[]} the process and all below it; none if it has ended */
export function processTree(pid) {
  const threads = whileThere(() => readdirSync(`/proc/${pid}/task`));
  if (threads === undefined) return [];
  const children = threads.flatMap(
    (tid) => whileThere(() => readFileSync(`/proc/${pid}/task/${tid}/children`, 'utf8').split(' ')) ?? [],
  );
  return [pid, ...children.filter(Boolean).map(Number).flatMap(processTree)];
}

/**
 * Undefined where the process or the thread has ended, be it between two looks at it.
 * @template T @param {() => T} read @returns {T | undefined}
 */
function whileThere(read) {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH'))
      return undefined;
    throw error;
  }
}

/** User and system time since the processes began, in ms. @param {readonly number[]} pids */
export function cpuTimeMs(pids) {
  let ticks = 0;
  for (const pid of pids) {
    // Behind the name, which may hold anything: state is the first field, utime and stime the 12th and 13th.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * tickMs;
}

/** Resident memory of one process, in MiB. @param {number} pid */
export function residentMb(pid) {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

/** On-CPU time of a process's main thread, in ms: waiting for a core does not count. @param {number} [pid] */
export function mainThreadMs(pid = process.pid) {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
}
