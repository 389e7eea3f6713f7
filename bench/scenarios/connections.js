// New connections: round robin, where the primary accepts and hands over, against the kernel's choice
// (NODE_CLUSTER_SCHED_POLICY=none), and what the latter costs in balance.
import { light } from '../calls.js';
import { load } from '../load/load.js';
import { interleave } from '../rounds.js';
import { millrace, startServer } from '../servers.js';
import { primary, server } from './depends-on.js';

const variants = [
  { name: 'rr', label: 'round robin (default)', spec: millrace({ NODE_CLUSTER_SCHED_POLICY: 'rr' }) },
  {
    name: 'none',
    label: 'NODE_CLUSTER_SCHED_POLICY=none',
    spec: millrace({ NODE_CLUSTER_SCHED_POLICY: 'none' }),
  },
];

/** @type {import('./scenario.js').Scenario} */
export const connections = {
  name: 'connections',
  title: 'New connections, one request each',
  sources: [...server, ...primary],
  rounds: 5,
  async run({ quick, rounds, say }) {
    const settings = { clients: 16, warmMs: 500, durationMs: quick ? 1_000 : 3_000 };
    const measured = await interleave({ quick, rounds, variants, say }, async ({ spec }) => {
      const server = await startServer(spec);
      try {
        const target = { host: server.host, port: server.port };
        const job = { ...light, ...settings, target };
        const beforeMs = server.cpuTimeMs();
        const fresh = await load('closedLoop', { ...job, reconnect: true });
        const cpuMs = server.cpuTimeMs() - beforeMs;
        const kept = await load('closedLoop', { ...job, warmMs: 0, durationMs: 500 });
        if (fresh.lost + kept.lost > 0)
          throw new Error(`requests were lost: ${JSON.stringify(fresh.errors)}`);
        const share = settings.durationMs / (settings.durationMs + settings.warmMs);
        return {
          lost: 0,
          perSecond: fresh.perSecond,
          cpuUs: (cpuMs * 1_000 * share) / fresh.answered,
          busiestShare: kept.busiestShare * 100,
        };
      } finally {
        await server.close();
      }
    });
    return { settings, variants: measured };
  },
  table: ({ variants: results }) => ({
    columns: [
      'policy',
      'connections/s ÷ round robin',
      'connections/s',
      'CPU per connection',
      'requests at the busiest process',
    ],
    rows: Object.values(results).map(({ label, values }) => [
      label,
      { metric: values.perSecond, base: results.rr?.values.perSecond },
      { metric: values.perSecond },
      { metric: values.cpuUs, unit: 'µs' },
      { metric: values.busiestShare, unit: '%' },
    ]),
  }),
};
