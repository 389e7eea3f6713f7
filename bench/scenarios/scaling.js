// Server processes and threads: what each adds in goodput, and what it does to the light routes.
import { interleave } from '../rounds.js';
import { probeSaturated } from '../saturated.js';
import { millrace, startServer } from '../servers.js';
import { compute, lane, server } from './depends-on.js';

const variants = [1, 2].flatMap((workers) =>
  [1, 2, 3].map((threads) => ({
    name: `${workers}x${threads}`,
    label: `WORKERS=${workers}, POOL_MAX_THREADS=${threads}`,
    spec: millrace({ WORKERS: String(workers), POOL_MAX_THREADS: String(threads) }),
  })),
);

/** @type {import('./scenario.js').Scenario} */
export const scaling = {
  name: 'scaling',
  title: 'Server processes × threads, 8 calls of 25 ms in flight',
  sources: [...lane, ...server, ...compute],
  rounds: 3,
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
    columns: ['setting', 'goodput ÷ 1 × 1', 'CPU calls/s', 'light p50', 'light p99'],
    rows: Object.values(results).map(({ label, values }) => [
      label,
      { metric: values.callsPerSecond, base: results['1x1']?.values.callsPerSecond },
      { metric: values.callsPerSecond },
      { metric: values.p50, unit: 'ms' },
      { metric: values.p99, unit: 'ms' },
    ]),
  }),
};
