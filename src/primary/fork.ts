// Starts a process for a server. The operating system may have no room for another one (memory, processes, open files),
// which must not take down those that there are.
import cluster, { type Worker } from 'node:cluster';
import type { Logger } from '../log.js';

export const unforkable = 'a server process could not be forked';

/** @returns undefined where it cannot be, which is logged */
export function forkProcess(log: Logger): Worker | undefined {
  try {
    const worker = cluster.fork();
    if (worker.process.pid !== undefined) return worker;
    // Some failures are told by an event (EMFILE, EAGAIN), others are thrown; and these stay on the list (Node 20).
    worker.once('error', (error) => tell(log, error));
    delete cluster.workers?.[worker.id];
  } catch (error) {
    tell(log, error);
  }
  return undefined;
}

function tell(log: Logger, error: unknown): void {
  log.error({ err: error }, unforkable);
}
