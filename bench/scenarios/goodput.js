// How much of the cores the CPU-bound calls get at saturation, against threads that do nothing else.
import { bareThreadsPerSecond } from '../bare-threads.js';
import { busyCall } from '../calls.js';
import { perCoreLeft } from '../cores-left.js';
import { load } from '../load/load.js';
import { interleave } from '../rounds.js';
import { saturatedCall } from '../saturated.js';
import { millrace, peer, startServer } from '../servers.js';
import { compute, lane, peers, server } from './depends-on.js';

/** At 40 a second of each process it takes half a minute until a server's code is compiled; with these, a few seconds. */
const shortCall = busyCall(1);

const variants = [
  { name: 'threads', label: 'bare threads, no HTTP' },
  { name: 'millrace', label: 'millrace', spec: millrace() },
  { name: 'fastify-piscina', label: 'Fastify + piscina', spec: peer('fastify-piscina'), slow: true },
  { name: 'express-piscina', label: 'Express + piscina', spec: peer('express-piscina'), slow: true },
  { name: 'textbook', label: 'textbook cluster', spec: peer('express-inline') },
];

/** @type {import('./scenario.js').Scenario} */
export const goodput = {
  name: 'goodput',
  title: 'CPU-bound calls of 25 ms answered at saturation',
  sources: [...lane, ...server, ...compute, ...peers],
  rounds: 5,
  async run({ quick, rounds, say }) {
    const settings = { clients: 16, warmMs: quick ? 500 : 3_000, durationMs: quick ? 1_500 : 5_000 };
    const { warmMs, durationMs } = settings;
    const measured = await interleave({ quick, rounds, variants, say }, async ({ spec }) => {
      if (spec === undefined) {
        const perSecond = await bareThreadsPerSecond(saturatedCall, warmMs, durationMs);
        return { perSecond, perSecondPerCore: perCoreLeft(perSecond) };
      }
      const server = await startServer(spec);
      try {
        const target = { host: server.host, port: server.port };
        await load('closedLoop', { ...shortCall, ...settings, target, warmMs: 0, durationMs: warmMs });
        const result = await load('closedLoop', { ...saturatedCall, ...settings, target });
        const { perSecond, lost } = result;
        if (lost > 0) throw new Error(`${lost} calls were not answered`);
        const generatorShare = result.generatorCpuMs / (warmMs + durationMs);
        return { perSecond, perSecondPerCore: perCoreLeft(perSecond, generatorShare), lost };
      } finally {
        await server.close();
      }
    });
    return { settings, variants: measured };
  },
  table: ({ variants }) => ({
    columns: ['server', '÷ bare threads', 'the same per core left', 'calls/s'],
    rows: Object.values(variants).map(({ label, values }) => [
      label,
      { metric: values.perSecond, base: variants.threads?.values.perSecond },
      { metric: values.perSecondPerCore, base: variants.threads?.values.perSecondPerCore },
      { metric: values.perSecond },
    ]),
  }),
};
