// A polite client, one call after the other, alone and beside a client that floods the same server process with four
// times what the machine can do. Both make calls of the same length. Promised: at most twice the p99 alone.
import { busyCall } from '../calls.js';
import { load } from '../load/load.js';
import { interleave } from '../rounds.js';
import { millrace, serverProcesses, startServer } from '../servers.js';
import { compute, lane, server } from './depends-on.js';

const callMs = 25;
/** A promise to each server process, so there is one, and a thread for each core. */
const spec = millrace({
  WORKERS: '1',
  POOL_MAX_THREADS: String(serverProcesses),
  QUEUE_MAX_WAIT_MS: '2000',
});
const variants = [
  { name: 'alone', label: 'alone', timesCapacity: 0 },
  { name: 'flooded', label: 'beside a flood', timesCapacity: 4 },
];

/** @type {import('./scenario.js').Scenario} */
export const fairness = {
  name: 'fairness',
  title: `A polite client's calls of ${callMs} ms beside a client that floods one server process`,
  sources: [...lane, ...server, ...compute],
  rounds: 5,
  async run({ quick, rounds, say }) {
    const settings = { warmMs: quick ? 1_000 : 3_000, durationMs: quick ? 3_000 : 12_000 };
    const call = busyCall(callMs);
    const measured = await interleave({ rounds, variants, say }, async ({ timesCapacity }) => {
      const server = await startServer(spec);
      try {
        const job = { ...call, ...settings, target: { host: server.host, port: server.port } };
        const perSecond = (timesCapacity * serverProcesses * 1_000) / callMs;
        const [polite, flood] = await Promise.all([
          load('closedLoop', { ...job, clients: 1, firstAddress: 100, probe: true }),
          // All its connections come from one address: that is one client.
          perSecond > 0 ? load('openLoop', { ...job, perSecond, probe: false }) : undefined,
        ]);
        if (polite.lost > 0) throw new Error(`${polite.lost} calls of the polite client were not answered`);
        const { p50, p99 } = polite.latency;
        return { p50, p99, floodRefused: flood?.refused.count ?? 0 };
      } finally {
        await server.close();
      }
    });
    return { settings, variants: measured };
  },
  table: ({ variants }) => ({
    columns: ['the polite client', 'p99 ÷ alone', 'p50', 'p99', "the flood's calls refused"],
    rows: Object.values(variants).map(({ label, values }) => [
      label,
      { metric: values.p99, base: variants.alone?.values.p99 },
      { metric: values.p50, unit: 'ms' },
      { metric: values.p99, unit: 'ms' },
      { metric: values.floodRefused },
    ]),
  }),
};
