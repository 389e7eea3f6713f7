// Small calls: inline on the event loop, or always handed to a thread. CPU time of the whole tree per answer, as in
// light.js, and the event loops' part of it.
import { smallHash } from '../calls.js';
import { costPerRequest } from '../cost.js';
import { interleave } from '../rounds.js';
import { millrace, startServer } from '../servers.js';
import { hash, lane, server } from './depends-on.js';

const variants = [0, 50].map((us) => ({
  name: `inline-${us}`,
  label: `INLINE_MAX_US=${us}${us === 50 ? ' (default)' : ''}`,
  spec: millrace({ INLINE_MAX_US: String(us) }),
}));

/** @type {import('./scenario.js').Scenario} */
export const inline = {
  name: 'inline',
  title: 'POST /hash of 1 KiB, inline or on a thread',
  sources: [...lane, ...server, ...hash],
  rounds: 5,
  async run({ quick, rounds, say }) {
    const settings = {
      connections: 32,
      warmMs: quick ? 500 : 4_000,
      durationMs: quick ? 700 : 2_000,
    };
    const measured = await interleave({ quick, rounds, variants, say }, async ({ spec }) => {
      const server = await startServer(spec);
      try {
        return await costPerRequest(server, smallHash, settings);
      } finally {
        await server.close();
      }
    });
    return { settings, variants: measured };
  },
  table: ({ variants: results }) => ({
    columns: ['setting', 'CPU ÷ default', 'CPU per call', 'event loop per call', 'calls/s'],
    rows: Object.values(results).map(({ label, values }) => [
      label,
      { metric: values.cpuUs, base: results['inline-50']?.values.cpuUs },
      { metric: values.cpuUs, unit: 'µs' },
      { metric: values.loopUs, unit: 'µs' },
      { metric: values.perSecond },
    ]),
  }),
};
