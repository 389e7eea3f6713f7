// Clients that ask again as soon as they are refused, in a loop: what is left of the cores for the calls that were let
// in. A refusal costs the event loop, which goes before the threads, and each one that is answered brings the next.
import { bareThreadsPerSecond } from '../bare-threads.js';
import { perCoreLeft } from '../cores-left.js';
import { load } from '../load/load.js';
import { interleave } from '../rounds.js';
import { saturatedCall } from '../saturated.js';
import { millrace, startServer } from '../servers.js';
import { compute, lane, server } from './depends-on.js';

const spec = millrace({ QUEUE_MAX_WAIT_MS: '1000' });
/** @type {{ name: string, label: string, connections?: number }[]} */
const variants = [
  { name: 'threads', label: 'bare threads, no HTTP' },
  ...[16, 200, 600].map((connections) => ({
    name: `connections-${connections}`,
    label: `${connections} connections`,
    connections,
  })),
];

/** @type {import('./scenario.js').Scenario} */
export const storm = {
  name: 'storm',
  title: 'Clients that ask again as soon as they are refused: calls of 25 ms, QUEUE_MAX_WAIT_MS=1000',
  sources: [...lane, ...server, ...compute],
  rounds: 3,
  async run({ quick, rounds, say }) {
    const settings = { warmMs: quick ? 1_000 : 5_000, durationMs: quick ? 1_000 : 5_000 };
    const { warmMs, durationMs } = settings;
    const measured = await interleave({ rounds, variants, say }, async ({ connections }) => {
      if (connections === undefined) {
        const goodput = await bareThreadsPerSecond(saturatedCall, warmMs, durationMs);
        return { goodput, goodputPerCore: perCoreLeft(goodput) };
      }
      const server = await startServer(spec);
      try {
        const { request } = saturatedCall;
        const job = { url: server.url, request, connections };
        await load('saturating', { ...job, durationMs: warmMs });
        const result = await load('saturating', { ...job, durationMs });
        const failed = result.failed - result.refused;
        if (failed > 0) throw new Error(`${failed} requests were not answered`);
        const generatorShare = result.generatorCpuMs / durationMs;
        return {
          goodput: result.perSecond,
          goodputPerCore: perCoreLeft(result.perSecond, generatorShare),
          refusedPerSecond: (result.refused * 1_000) / durationMs,
        };
      } finally {
        await server.close();
      }
    });
    return { settings, variants: measured };
  },
  table: ({ variants: { threads, ...others } }) => ({
    columns: ['clients', 'goodput ÷ bare threads', 'the same per core left', 'refused/s'],
    rows: Object.values(others).map(({ label, values }) => [
      label,
      { metric: values.goodput, base: threads?.values.goodput },
      { metric: values.goodputPerCore, base: threads?.values.goodputPerCore },
      { metric: values.refusedPerSecond },
    ]),
  }),
};
