// Every process that the bench starts, so that it leaves none behind, however it ends: by itself, by an error, by
// Ctrl-C or SIGTERM. (SIGKILL alone it cannot answer; load generators leave then, too, because their channel closes.)
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
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

/**
 * Runs a script that prints one line of JSON. What it has started and left behind ends with it: a sandbox of BullMQ whose
 * parent is killed may turn for ever.
 * @param {string} script @param {readonly unknown[]} args
 */
export async function runScript(script, args) {
  // A process group of its own: what a dead process had started is nobody's child any more.
  const child = spawn(process.execPath, [script, ...args.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  keepTrack(child);
  const printed = text(child.stdout);
  const [code] = await once(child, 'exit');
  if (child.pid !== undefined) killAll([-child.pid]);
  if (code !== 0) throw new Error(`${script} ended with ${code}`);
  return JSON.parse(await printed);
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
