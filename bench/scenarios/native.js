// Light routes beside native packages, whose work runs on threads of libuv's or of their own: do these step back, too?
import { fileURLToPath } from 'node:url';
import { interleave } from '../rounds.js';
import { probeSaturated } from '../saturated.js';
import { millrace, startServer } from '../servers.js';
import { lane, server } from './depends-on.js';

const tasks = fileURLToPath(new URL('../../test/fixtures/native', import.meta.url));

/** @param {string} path @param {object} input @param {string} start of the answer @returns {import('../load/kinds.js').Call} */
const call = (path, input, start) => ({
  request: { method: 'POST', path, body: JSON.stringify(input) },
  expected: { startsWith: start },
});

const calls = {
  sharp: call('/sharp', { width: 400 }, '{"bytes":'),
  argon2: call('/argon2', { timeCost: 2 }, '{"hash":"$argon2id$'),
};

const variants = [
  { name: 'idle', label: 'idle', nice: 19, call: undefined },
  ...[19, 0].flatMap((nice) => [
    { name: `sharp-${nice}`, label: `beside \`sharp\`, POOL_NICE=${nice}`, nice, call: calls.sharp },
    { name: `argon2-${nice}`, label: `beside npm's \`argon2\`, POOL_NICE=${nice}`, nice, call: calls.argon2 },
  ]),
];

/** @type {import('./scenario.js').Scenario} */
export const native = {
  name: 'native',
  title: 'Native packages: light-route latency beside their threads',
  sources: [...lane, ...server],
  rounds: 5,
  async run({ quick, rounds, say }) {
    const settings = {
      inFlight: 8,
      perSecond: 200,
      warmMs: quick ? 1_000 : 2_000,
      durationMs: quick ? 1_500 : 4_000,
    };
    const measured = await interleave({ quick, rounds, variants, say }, async (variant) => {
      const target = await startServer(
        millrace({ POOL_NICE: String(variant.nice), TASKS_DIR: tasks, QUEUE_MAX_WAIT_MS: '60000' }),
      );
      try {
        const inFlight = variant.call === undefined ? 0 : settings.inFlight;
        return await probeSaturated(target, { ...settings, inFlight }, variant.call);
      } finally {
        await target.close();
      }
    });
    return { settings, variants: measured };
  },
  table: ({ variants: results }) => ({
    columns: ['light route', 'p99 ÷ idle', 'light p50', 'light p99', 'native calls/s'],
    rows: Object.values(results).map(({ label, values }) => [
      label,
      { metric: values.p99, base: results.idle?.values.p99 },
      { metric: values.p50, unit: 'ms' },
      { metric: values.p99, unit: 'ms' },
      { metric: values.callsPerSecond },
    ]),
  }),
};
