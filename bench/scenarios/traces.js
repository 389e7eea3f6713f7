// What OpenTelemetry costs: without an SDK, where nothing of it stands on a request's way, and with one that records every
// request and sends nothing.
import { fileURLToPath } from 'node:url';
import { busyCall, light } from '../calls.js';
import { costPerRequest } from '../cost.js';
import { interleave } from '../rounds.js';
import { millrace, startServer } from '../servers.js';
import { compute, lane, server } from './depends-on.js';

const sdk = { NODE_OPTIONS: `--import ${fileURLToPath(new URL('../tracing/otel.js', import.meta.url))}` };
// On a thread, each of them.
const call = busyCall(0.1);
const onThreads = { INLINE_MAX_US: '0' };

const variants = [
  { name: 'light', label: '`GET /`, no SDK', spec: millrace(), base: 'light', asked: light },
  { name: 'light-sdk', label: '`GET /`, with an SDK', spec: millrace(sdk), base: 'light', asked: light },
  { name: 'call', label: 'a call on a thread, no SDK', spec: millrace(onThreads), base: 'call', asked: call },
  {
    name: 'call-sdk',
    label: 'a call on a thread, with an SDK',
    spec: millrace({ ...onThreads, ...sdk }),
    base: 'call',
    asked: call,
  },
];

/** @type {import('./scenario.js').Scenario} */
export const traces = {
  name: 'traces',
  title: 'CPU time per request with OpenTelemetry',
  sources: [...server, ...lane, ...compute, 'src/tracing.ts', 'bench/tracing/**'],
  rounds: 3,
  async run({ quick, rounds, say }) {
    const settings = { connections: 32, warmMs: quick ? 500 : 4_000, durationMs: quick ? 700 : 2_000 };
    const measured = await interleave({ quick, rounds, variants, say }, async ({ spec, asked }) => {
      const target = await startServer(spec);
      try {
        const { cpuUs } = await costPerRequest(target, asked, settings);
        return { cpuUs };
      } finally {
        await target.close();
      }
    });
    return { settings, variants: measured };
  },
  table: ({ variants: results }) => ({
    columns: ['what', 'CPU per request', '× without an SDK'],
    rows: variants.flatMap(({ name, base }) => {
      const { label, values } = results[name] ?? {};
      if (label === undefined) return [];
      return [
        [
          label,
          { metric: values?.cpuUs, unit: 'µs' },
          { metric: values?.cpuUs, base: results[base]?.values.cpuUs },
        ],
      ];
    }),
  }),
};
