// What a light request costs: CPU time of the whole process tree per answer, under a closed loop. Throughput would
// tell of the load generator as much, which shares the cores; CPU time does not.
import { light as lightCall, smallHash } from '../calls.js';
import { costPerRequest } from '../cost.js';
import { interleave } from '../rounds.js';
import { millrace, peer, startServer } from '../servers.js';
import { hash, lane, peers, server } from './depends-on.js';

const off = { FEATURES: 'off' };

const variants = [
  { name: 'millrace', label: 'millrace', spec: millrace() },
  { name: 'node', label: 'bare node:http', spec: peer('node-http', off) },
  { name: 'node-features', label: 'node:http + id, headers, histogram', spec: peer('node-http'), slow: true },
  { name: 'fastify', label: 'Fastify', spec: peer('fastify-piscina', off), slow: true },
  { name: 'fastify-features', label: 'Fastify + id, headers, histogram', spec: peer('fastify-piscina') },
  { name: 'express', label: 'Express as it comes', spec: peer('express-inline', off), slow: true },
  {
    name: 'express-features',
    label: 'Express + id, headers, histogram',
    spec: peer('express-inline'),
    slow: true,
  },
  { name: 'millrace-hash', label: 'millrace, POST /hash of 1 KiB', spec: millrace(), call: smallHash },
  {
    name: 'node-hash',
    label: 'bare node:http, POST /hash of 1 KiB',
    spec: peer('node-http', off),
    call: smallHash,
    slow: true,
  },
  {
    name: 'fastify-hash',
    label: 'Fastify + features, POST /hash of 1 KiB',
    spec: peer('fastify-piscina'),
    call: smallHash,
    slow: true,
  },
];

/** @type {import('./scenario.js').Scenario} */
export const light = {
  name: 'light',
  title: 'CPU time per light request',
  sources: [...server, ...lane, ...hash, ...peers],
  rounds: 5,
  async run({ quick, rounds, say }) {
    const settings = {
      connections: 32,
      // POST /hash is at its full speed after some four seconds only, when all of its way is compiled.
      warmMs: quick ? 500 : 4_000,
      durationMs: quick ? 700 : 2_000,
    };
    const measured = await interleave(
      { quick, rounds, variants, say },
      async ({ spec, call = lightCall }) => {
        const server = await startServer(spec);
        try {
          const { cpuUs, perSecond } = await costPerRequest(server, call, settings);
          return { cpuUs, perSecond };
        } finally {
          await server.close();
        }
      },
    );
    return { settings, variants: measured };
  },
  table: (result) => ({
    columns: ['server', 'CPU per request', '× bare node:http', '× Fastify with the same features'],
    rows: Object.values(result.variants).map(({ label, values }) => [
      label,
      { metric: values.cpuUs, unit: 'µs' },
      { metric: values.cpuUs, base: result.variants.node?.values.cpuUs },
      { metric: values.cpuUs, base: result.variants['fastify-features']?.values.cpuUs },
    ]),
  }),
};
