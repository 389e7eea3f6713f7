// How far the threads should step back: light-route latency against goodput. The default of POOL_NICE is decided here.
import { interleave } from '../rounds.js';
import { probeSaturated } from '../saturated.js';
import { millrace, startServer } from '../servers.js';
import { compute, lane, server } from './depends-on.js';

const variants = [0, 10, 19].map((nice) => ({
  name: `nice-${nice}`,
  label: `POOL_NICE=${nice}`,
  spec: millrace({ POOL_NICE: String(nice) }),
}));

/** @type {import('./scenario.js').Scenario} */
export const nice = {
  name: 'nice',
  title: 'POOL_NICE: light-route latency against goodput',
  sources: [...lane, ...server, ...compute],
  rounds: 5,
  async run({ quick, rounds, say }) {
    const settings = {
      inFlight: 8,
      perSecond: 200,
      warmMs: quick ? 1_000 : 2_000,
      durationMs: quick ? 1_500 : 4_000,
    };
    const measured = await interleave({ quick, rounds, variants, say }, async ({ spec }) => {
      const server = await startServer(spec);
      try {
        return await probeSaturated(server, settings);
      } finally {
        await server.close();
      }
    });
    return { settings, variants: measured };
  },
  table: ({ variants: results }) => ({
    columns: ['setting', 'p99 ÷ that at 0', 'goodput ÷ that at 0', 'light p50', 'light p99', 'CPU calls/s'],
    rows: Object.values(results).map(({ label, values }) => [
      label,
      { metric: values.p99, base: results['nice-0']?.values.p99 },
      { metric: values.callsPerSecond, base: results['nice-0']?.values.callsPerSecond },
      { metric: values.p50, unit: 'ms' },
      { metric: values.p99, unit: 'ms' },
      { metric: values.callsPerSecond },
    ]),
  }),
};
