// A team's own light route: what it costs beside the same route in plain Express, and how it answers under a full lane.
import { fileURLToPath } from 'node:url';
import { light } from '../calls.js';
import { costPerRequest } from '../cost.js';
import { interleave } from '../rounds.js';
import { probeSaturated } from '../saturated.js';
import { millrace, peer, startServer } from '../servers.js';
import { compute, lane, peers, server } from './depends-on.js';

const greeting = { request: { path: '/greeting/ada' }, expected: { equals: '{"hello":"ada"}' } };
const ours = millrace({
  APP: fileURLToPath(new URL('../apps/greeting.js', import.meta.url)),
  BUILT_INS: 'on',
});

const variants = [
  { name: 'app', label: 'millrace, a route of its app', spec: ours, call: greeting, probed: true },
  { name: 'built-in', label: 'millrace, `GET /`', spec: ours, call: light, probed: true },
  {
    name: 'express',
    label: 'plain Express, prototypes aligned, the same route',
    spec: peer('express-aligned', { FEATURES: 'off' }),
    call: greeting,
  },
  {
    name: 'express-features',
    label: 'the same + id, headers, histogram',
    spec: peer('express-aligned'),
    call: greeting,
  },
];

/** @type {import('./scenario.js').Scenario} */
export const app = {
  name: 'app',
  title: 'A light route of one’s own app',
  sources: [...server, ...lane, ...compute, ...peers, 'bench/apps/**'],
  rounds: 5,
  async run({ quick, rounds, say }) {
    const settings = {
      connections: 32,
      inFlight: 8,
      perSecond: 200,
      warmMs: quick ? 500 : 3_000,
      durationMs: quick ? 700 : 3_000,
    };
    const { inFlight, perSecond, durationMs } = settings;
    const measured = await interleave({ quick, rounds, variants, say }, async ({ spec, call, probed }) => {
      const target = await startServer(spec);
      try {
        const { cpuUs } = await costPerRequest(target, call, settings);
        if (!probed) return { cpuUs };
        const times = { inFlight, perSecond, warmMs: 1_000, durationMs };
        const { p50, p99 } = await probeSaturated(target, times, undefined, call);
        return { cpuUs, p50, p99 };
      } finally {
        await target.close();
      }
    });
    return { settings, variants: measured };
  },
  table: ({ variants: results }) => ({
    columns: [
      'server',
      'CPU per request',
      '× plain Express',
      'p50, 8 calls of 25 ms in flight',
      'p99',
      'p99 ÷ `GET /`',
    ],
    rows: Object.values(results).map(({ label, values }) => [
      label,
      { metric: values.cpuUs, unit: 'µs' },
      { metric: values.cpuUs, base: results.express?.values.cpuUs },
      { metric: values.p50, unit: 'ms' },
      { metric: values.p99, unit: 'ms' },
      { metric: values.p99, base: results['built-in']?.values.p99 },
    ]),
  }),
};
