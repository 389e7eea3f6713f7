// Starts a process for a server. The operating system may have no room for another one (memory, processes, open files),
// which must not take down those that there are.
import cluster, { type Worker } from 'node:cluster';
import { existsSync } from 'node:fs';
import type { Logger } from '../log.js';
import { serverMark } from '../server-mark.js';
import { type LaunchPath, startFolder } from './launch-path.js';

export const unforkable = 'a server process could not be forked';

/** @returns undefined where it cannot be, which is logged: once, until one can be again */
export type Fork = () => Worker | undefined;

export function createFork(path: LaunchPath, log: Logger): Fork {
  let isTold = false;

  function tell(error: unknown): void {
    if (!isTold) log.error({ err: error }, `${unforkable}: going on with those that there are, trying again`);
    isTold = true;
  }
  return () => {
    try {
      // Half-way through a deploy there may be nothing.
      if (!existsSync(path.entry)) throw new Error(`there is no ${path.entry}`);
      // Flags were read by the primary: what server processes need comes with `boot`.
      cluster.setupPrimary({ exec: path.entry, cwd: startFolder(path), args: [], execArgv: execArgv() });
      const worker = cluster.fork({ [serverMark]: '1' });
      if (worker.process.pid !== undefined) {
        isTold = false;
        return worker;
      }
      // Some failures are told by an event (EMFILE, EAGAIN), others are thrown; and these stay on the list (Node 20 to 26).
      worker.once('error', tell);
      delete cluster.workers?.[worker.id];
    } catch (error) {
      tell(error);
    }
    return undefined;
  };
}

/**
 * Warnings of Node become lines of a server process's log, not text of several lines among it. SIGUSR1 opens no debugger
 * from the very start, where this Node has the flag (22.14 and newer); later on the process ignores the signal itself.
 */
function execArgv(): string[] {
  const flag = '--disable-sigusr1';
  const quiet = process.allowedNodeEnvironmentFlags.has(flag) ? [flag] : [];
  return [...process.execArgv, '--no-warnings', ...quiet];
}
