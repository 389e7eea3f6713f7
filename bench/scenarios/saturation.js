// The promise of the project: light routes answer while the cores are full of CPU-bound calls.
import { interleave } from '../rounds.js';
import { probeSaturated } from '../saturated.js';
import { millrace, peer, startServer } from '../servers.js';

const variants = [
  { name: 'idle', label: 'millrace, idle', spec: millrace(), idle: true },
  { name: 'millrace', label: 'millrace', spec: millrace() },
  { name: 'fastify-piscina', label: 'Fastify + piscina', spec: peer('fastify-piscina') },
  { name: 'express-piscina', label: 'Express + piscina', spec: peer('express-piscina') },
  { name: 'textbook', label: 'textbook cluster', spec: peer('express-inline') },
  { name: 'single', label: 'one Express process', spec: peer('express-inline', { PROCESSES: '1' }) },
];

export const saturation = {
  name: 'saturation',
  title: 'Light-route latency while 8 CPU-bound calls of 25 ms are always in flight',
  rounds: 5,
  async run({ quick, rounds, say }) {
    const settings = {
      inFlight: 8,
      perSecond: 200,
      warmMs: quick ? 500 : 1_000,
      durationMs: quick ? 1_500 : 5_000,
    };
    const measured = await interleave({ rounds, variants, say }, async ({ spec, idle }) => {
      const server = await startServer(spec);
      try {
        return await probeSaturated(server, idle ? { ...settings, inFlight: 0 } : settings);
      } finally {
        await server.close();
      }
    });
    return { settings, variants: measured };
  },
  table: ({ variants: { idle, ...others } }) => ({
    columns: ['server', 'p99 ÷ idle', 'p50', 'p99', 'p99.9', 'CPU calls/s meanwhile'],
    rows: [idle, ...Object.values(others)].map(({ label, values }) => [
      label,
      { metric: values.p99, base: idle.values.p99 },
      { metric: values.p50, unit: 'ms' },
      { metric: values.p99, unit: 'ms' },
      { metric: values.p999, unit: 'ms' },
      { metric: values.callsPerSecond },
    ]),
  }),
};
