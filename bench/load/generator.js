// The process that a load comes from: takes one job, does it, tells the result, ends.
import { setPriority } from 'node:os';
import { closedLoop } from './closed-loop.js';
import { openLoop } from './open-loop.js';
import { saturating } from './saturating.js';

const kinds = { closedLoop, openLoop, saturating };

process.once('message', async ({ kind, niceness, ...job }) => {
  const stopped = new Promise((resolve) => process.once('message', resolve));
  const result = await kinds[kind](job, stopped);
  const { user, system } = process.cpuUsage();
  process.send({ ...result, generatorCpuMs: (user + system) / 1_000, niceness: given }, () => process.exit());
});

const given = prefer(Number(process.argv[2]));

/** Before any thread is started: threads inherit it. Only root may ask for a preference. */
function prefer(niceness) {
  try {
    setPriority(niceness);
    return niceness;
  } catch {
    return 0;
  }
}
