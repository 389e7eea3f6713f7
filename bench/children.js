// Every process that the bench starts, so that it leaves none behind, however it ends: by itself, by an error, by
// Ctrl-C or SIGTERM. (SIGKILL alone it cannot answer; load generators leave then, too, because their channel closes.)
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { processTree } from './process-tree.js';

/** @type {Set<import('node:child_process').ChildProcess>} */
const open = new Set();
/** @type {Set<() => void>} */
const cleanups = new Set();

process.on('exit', () => {
  for (const { pid } of open) if (pid !== undefined) killAll(processTree(pid));
  for (const cleanup of cleanups) cleanup();
});

/**
 * Its whole tree is killed when the bench ends before it.
 * @template {import('node:child_process').ChildProcess} T @param {T} child
 */
export function keepTrack(child) {
  open.add(child);
  child.once('exit', () => open.delete(child));
  return child;
}

/** For what is no child: done once, when the bench ends. @param {() => void} cleanup synchronous */
export function atEnd(cleanup) {
  cleanups.add(cleanup);
}

/** Signals end the bench by process.exit, which is when the rest is tidied up. */
export function endOnSignals() {
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));
}

/** Runs a script that prints one line of JSON. @param {string} script @param {readonly unknown[]} args */
export async function runScript(script, args) {
  const running = promisify(execFile)(process.execPath, [script, ...args.map(String)]);
  keepTrack(running.child);
  return JSON.parse((await running).stdout);
}

/** @param {readonly number[]} pids */
export function killAll(pids) {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It is gone already.
    }
  }
}
