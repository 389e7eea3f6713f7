// Start-up: time to the first answer, and memory when all is up and nothing was asked yet.
import { startAnswering } from '../first-answer.js';
import { residentMb } from '../process-tree.js';
import { interleave } from '../rounds.js';
import { millrace, peer, serverProcesses } from '../servers.js';
import { peers } from './depends-on.js';

const variants = [
  { name: 'millrace', label: 'millrace, 1 thread per process', spec: millrace() },
  {
    name: 'millrace-4',
    label: 'millrace, 4 threads per process',
    spec: millrace({ POOL_MIN_THREADS: '4', POOL_MAX_THREADS: '4' }),
  },
  { name: 'node', label: 'node:http cluster, no threads', spec: peer('node-http') },
  { name: 'express-piscina', label: 'Express + piscina', spec: peer('express-piscina') },
  { name: 'fastify-piscina', label: 'Fastify + piscina', spec: peer('fastify-piscina') },
];

/** @type {import('./scenario.js').Scenario} */
export const memory = {
  name: 'memory',
  title: 'Start-up and memory',
  sources: ['src/**', 'workers/**', ...peers],
  rounds: 5,
  async run({ quick, rounds, say }) {
    const settings = { serverProcesses };
    const measured = await interleave({ quick, rounds, variants, say }, async ({ spec }) => {
      const startMs = performance.now();
      const { server, firstAnswerMs } = await startAnswering(spec);
      const allListenMs = performance.now() - startMs;
      try {
        const [primary = Number.NaN, ...others] = server.processes().map(residentMb);
        return {
          firstAnswerMs,
          allListenMs,
          primaryMb: primary,
          processMb: others.reduce((sum, one) => sum + one, 0) / others.length,
        };
      } finally {
        await server.close();
      }
    });
    const one = measured.millrace?.values.processMb;
    const four = measured['millrace-4']?.values;
    if (four?.processMb !== undefined)
      four.threadMb = four.processMb.map((mb, round) => (mb - (one?.[round] ?? Number.NaN)) / 3);
    return { settings, variants: measured };
  },
  table: ({ variants: results }) => ({
    columns: ['server', 'until the first answer', 'until all listen', 'a server process', 'the primary'],
    rows: [
      ...Object.values(results).map(({ label, values }) => [
        label,
        { metric: values.firstAnswerMs, unit: 'ms' },
        { metric: values.allListenMs, unit: 'ms' },
        { metric: values.processMb, unit: 'MiB' },
        { metric: values.primaryMb, unit: 'MiB' },
      ]),
      [
        'each further thread of millrace',
        '–',
        '–',
        { metric: results['millrace-4']?.values.threadMb, unit: 'MiB' },
        '–',
      ],
    ],
  }),
};
