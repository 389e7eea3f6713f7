// A short call among long ones: 12 clients keep calls of 1.5 s running, another one asks for a millisecond of work,
// again and again.
import { busyCall } from '../calls.js';
import { load } from '../load/load.js';
import { interleave } from '../rounds.js';
import { millrace, peer, startServer } from '../servers.js';
import { compute, lane, peers, server } from './depends-on.js';

/** Long calls wait for each other here, and none is to be refused. */
const env = { QUEUE_MAX_WAIT_MS: '3600000' };

const variants = [
  { name: 'millrace', label: 'millrace', spec: millrace(env) },
  {
    name: 'millrace-3-threads',
    label: 'millrace, POOL_MAX_THREADS=3',
    spec: millrace({ ...env, POOL_MAX_THREADS: '3' }),
    slow: true,
  },
  { name: 'fastify-piscina', label: 'Fastify + piscina', spec: peer('fastify-piscina'), slow: true },
  { name: 'textbook', label: 'textbook cluster', spec: peer('express-inline') },
];

/** @type {import('./scenario.js').Scenario} */
export const short = {
  name: 'short',
  title: 'A call of 1 ms while 12 clients keep calls of 1.5 s running',
  sources: [...lane, ...server, ...compute, ...peers],
  rounds: 3,
  async run({ quick, rounds, say }) {
    const settings = { longClients: 12, warmMs: quick ? 1_500 : 4_000, durationMs: quick ? 2_500 : 12_000 };
    const { warmMs, durationMs } = settings;
    const shortCall = busyCall(1);
    const longCall = busyCall(1_500);
    const measured = await interleave({ quick, rounds, variants, say }, async ({ spec }) => {
      const server = await startServer(spec);
      try {
        const target = { host: server.host, port: server.port };
        const times = { target, warmMs, durationMs };
        const [probe, long] = await Promise.all([
          load('closedLoop', { ...shortCall, ...times, clients: 1, firstAddress: 100, probe: true }),
          load('closedLoop', { ...longCall, ...times, clients: settings.longClients }),
        ]);
        const lost = probe.lost + long.lost;
        if (lost > 0) {
          throw new Error(`${lost} calls failed: ${JSON.stringify({ ...probe.errors, ...long.errors })}`);
        }
        const { p50, p99 } = probe.latency;
        return { p50, p99, answered: probe.answered, lost, prober: probe.priority };
      } finally {
        await server.close();
      }
    });
    return { settings, variants: measured };
  },
  table: ({ variants }) => ({
    columns: ['server', '÷ millrace', 'p50', 'p99', 'short calls answered'],
    rows: Object.values(variants).map(({ label, values }) => [
      label,
      { metric: values.p50, base: variants.millrace?.values.p50 },
      { metric: values.p50, unit: 'ms' },
      { metric: values.p99, unit: 'ms' },
      { metric: values.answered },
    ]),
  }),
};
