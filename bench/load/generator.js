// The process that a load comes from: takes one job, does it, tells the result, ends.
import { readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { doJob } from './kinds.js';

process.once('message', async (/** @type {import('./kinds.js').Order} */ order) => {
  const stopped = new Promise((resolve) => process.once('message', resolve));
  const result = await doJob(order, stopped);
  const { user, system } = process.cpuUsage();
  process.send?.({ ...result, generatorCpuMs: (user + system) / 1_000, priority: priority() }, () =>
    process.exit(),
  );
});

// Whoever started it has gone.
process.once('disconnect', () => process.exit());

/** What it was granted: `real-time`, or its niceness. */
function priority() {
  return process.platform === 'linux' && schedulingPolicy() === 1 ? 'real-time' : `nice ${getPriority()}`;
}

/** The 41st field of /proc/self/stat; 1 is SCHED_FIFO. */
function schedulingPolicy() {
  return Number(readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)?.split(' ')[38]);
}
