// The promise of the project: light routes answer while the cores are full of CPU-bound calls.
import { interleave } from '../rounds.js';
import { pooledP999, probeSaturated } from '../saturated.js';
import { millrace, peer, startServer } from '../servers.js';
import { compute, lane, peers, server } from './depends-on.js';

const variants = [
  { name: 'idle', label: 'millrace, idle', spec: millrace(), idle: true },
  { name: 'millrace', label: 'millrace', spec: millrace() },
  { name: 'express-piscina', label: 'Express + piscina', spec: peer('express-piscina') },
  { name: 'fastify-piscina', label: 'Fastify + piscina', spec: peer('fastify-piscina'), slow: true },
  {
    name: 'fastify-piscina-kept',
    label: 'Fastify + piscina, idle threads kept',
    spec: peer('fastify-piscina', { IDLE_TIMEOUT_MS: '30000' }),
    slow: true,
  },
  { name: 'textbook', label: 'textbook cluster', spec: peer('express-inline'), slow: true },
  {
    name: 'single',
    label: 'one Express process',
    spec: peer('express-inline', { PROCESSES: '1' }),
    slow: true,
  },
];

/** @type {import('./scenario.js').Scenario} */
export const saturation = {
  name: 'saturation',
  title: 'Light-route latency while 8 CPU-bound calls of 25 ms are always in flight',
  sources: [...lane, ...server, ...compute, ...peers],
  rounds: 5,
  async run({ quick, rounds, say }) {
    const settings = {
      inFlight: 8,
      perSecond: 200,
      warmMs: quick ? 500 : 2_000,
      durationMs: quick ? 1_500 : 5_000,
    };
    const measured = await interleave({ quick, rounds, variants, say }, async ({ spec, idle }) => {
      const server = await startServer(spec);
      try {
        return await probeSaturated(server, idle ? { ...settings, inFlight: 0 } : settings);
      } finally {
        await server.close();
      }
    });
    return { settings, variants: measured };
  },
  table: ({ variants }) => ({
    columns: [
      'server',
      'p99 ÷ idle',
      'p50',
      'p99',
      'p99.9, all rounds',
      'CPU calls/s meanwhile',
      'prober late, p99',
    ],
    rows: Object.values(variants).map((row) => [
      row.label,
      { metric: row.values.p99, base: variants.idle?.values.p99 },
      { metric: row.values.p50, unit: 'ms' },
      { metric: row.values.p99, unit: 'ms' },
      pooledP999(row),
      { metric: row.values.callsPerSecond },
      { metric: row.values.lateP99, unit: 'ms' },
    ]),
  }),
};
