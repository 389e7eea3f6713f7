// Many clients that ask for the same: each call with a run of its own, with one run for those that come meanwhile, and with
// a result that is kept for a second.
import { fileURLToPath } from 'node:url';
import { busyCall } from '../calls.js';
import { costPerRequest } from '../cost.js';
import { interleave } from '../rounds.js';
import { millrace, startServer } from '../servers.js';
import { lane, server } from './depends-on.js';

const callMs = 50;
const connections = 200;
// The last of all those waits for the runs of all others.
const spec = millrace({
  TASKS_DIR: fileURLToPath(new URL('../sharing/tasks', import.meta.url)),
  QUEUE_MAX_WAIT_MS: '600000',
});
const variants = [
  { name: 'alone', label: 'a run for each call' },
  { name: 'shared', label: '`share: true`' },
  { name: 'kept', label: '`share: { ttlMs: 1_000, … }`' },
];

/** @type {import('./scenario.js').Scenario} */
export const sharing = {
  name: 'sharing',
  title: `${connections} clients that ask for the same call of ${callMs} ms, in a loop`,
  sources: [...lane, ...server, 'bench/sharing/**'],
  rounds: 3,
  async run({ quick, rounds, say }) {
    const settings = { callMs, connections, warmMs: quick ? 500 : 3_000, durationMs: quick ? 1_000 : 6_000 };
    const { limit, expected } = busyCall(callMs);
    const measured = await interleave({ quick, rounds, variants, say }, async ({ name }) => {
      const target = await startServer(spec);
      try {
        const call = { request: { path: `/${name}?limit=${limit}` }, expected };
        const { cpuUs, perSecond } = await costPerRequest(target, call, settings);
        return { perSecond, cpuMs: cpuUs / 1_000 };
      } finally {
        await target.close();
      }
    });
    return { settings, variants: measured };
  },
  table: ({ variants: results }) => ({
    columns: ['task', 'answers/s', '× a run each', 'CPU per answer'],
    rows: Object.values(results).map(({ label, values }) => [
      label,
      { metric: values.perSecond, unit: '' },
      { metric: values.perSecond, base: results.alone?.values.perSecond },
      { metric: values.cpuMs, unit: 'ms' },
    ]),
  }),
};
