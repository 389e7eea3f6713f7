// From half of what the machine can do to ten times as much: what is answered, how late, and how soon the rest hears
// that it is refused. Open loop. Capacity is that of bare threads, the best of the rounds so far.
import { bareThreadsPerSecond } from '../bare-threads.js';
import { busyCall } from '../calls.js';
import { perCoreLeft } from '../cores-left.js';
import { load } from '../load/load.js';
import { interleave } from '../rounds.js';
import { millrace, peer, startServer } from '../servers.js';
import { compute, lane, peers, server } from './depends-on.js';

const call = busyCall(50);
/** Shorter than the default, so that a queue fills and settles within a run. */
const maxWaitMs = 1_000;
const env = { QUEUE_MAX_WAIT_MS: String(maxWaitMs) };
const factors = [0.5, 1, 2, 5, 10];
const ourFile = millrace().file;
/** What a quick run measures beside the capacity. */
const quickVariants = ['millrace-10'];

/**
 * @typedef {object} Offered
 * @property {string} name
 * @property {string} label
 * @property {import('../servers.js').ServerSpec} [spec] none: threads without a server
 * @property {number} [factor] times the capacity
 * @property {boolean} [ours]
 * @property {boolean} [slow]
 */

/**
 * @param {string} name @param {string} label @param {import('../servers.js').ServerSpec} spec
 * @param {readonly number[]} factors
 * @returns {Offered[]}
 */
function offered(name, label, spec, factors) {
  return factors.map((factor) => ({
    name: `${name}-${factor}`,
    label: `${label}, ${factor} ×`,
    spec,
    factor,
    ours: spec.file === ourFile,
    slow: !quickVariants.includes(`${name}-${factor}`),
  }));
}

/** @type {Offered[]} */
const variants = [
  { name: 'threads', label: 'bare threads' },
  ...offered('millrace', 'millrace', millrace(env), factors),
  ...offered('wait-250', 'millrace, QUEUE_MAX_WAIT_MS=250', millrace({ QUEUE_MAX_WAIT_MS: '250' }), [10]),
  ...offered('queue-2', 'millrace, POOL_MAX_QUEUE=2', millrace({ ...env, POOL_MAX_QUEUE: '2' }), [1]),
  ...offered('express-piscina', 'Express + piscina', peer('express-piscina'), factors),
];

/** @type {import('./scenario.js').Scenario} */
export const overload = {
  name: 'overload',
  title: 'Offered load from 0.5 to 10 times the capacity, calls of 50 ms, QUEUE_MAX_WAIT_MS=1000',
  sources: [...lane, ...server, ...compute, ...peers],
  rounds: 3,
  async run({ quick, rounds, say }) {
    const settings = { maxWaitMs, warmMs: quick ? 1_000 : 10_000, durationMs: quick ? 1_500 : 4_000 };
    const { warmMs, durationMs } = settings;
    let capacity = 0;
    const measured = await interleave(
      { quick, rounds, variants, say },
      async ({ spec, factor = 1, ours }) => {
        if (spec === undefined) {
          const goodput = await bareThreadsPerSecond(call, 500, quick ? 1_000 : 4_000);
          // The best so far: what is offered must not shrink because something else ran just then.
          capacity = Math.max(capacity, goodput);
          return { goodput, goodputPerCore: perCoreLeft(goodput), capacity };
        }
        const server = await startServer(spec);
        try {
          const target = { host: server.host, port: server.port };
          const result = await load('openLoop', {
            ...call,
            target,
            perSecond: capacity * factor,
            warmMs,
            durationMs,
          });
          if (ours && result.failed > 0) throw new Error(`${result.failed} calls failed`);
          const offeredCalls = result.accepted.count + result.refused.count + result.expired.count;
          const generatorShare = result.generatorCpuMs / (warmMs + durationMs);
          return {
            offered: offeredCalls,
            goodput: result.completedPerSecond,
            acceptedP50: result.accepted.p50,
            acceptedP99: result.accepted.p99,
            unanswered: result.unanswered + result.failed,
            refused: result.refused.count,
            refusedShare: (result.refused.count / offeredCalls) * 100,
            expired: result.expired.count,
            refusedP50: result.refused.p50,
            lateP99: result.latenessMs.p99,
            prober: result.priority,
            generatorShare,
            goodputPerCore: perCoreLeft(result.completedPerSecond, generatorShare),
          };
        } finally {
          await server.close();
        }
      },
    );
    return { settings, variants: measured };
  },
  table: ({ variants: { threads, ...others } }) => ({
    columns: [
      'server, offered load',
      'goodput ÷ bare threads',
      'the same per core left',
      'accepted p50',
      'accepted p99',
      'refused (503)',
      'refused p50',
      'expired (504)',
      'never answered',
    ],
    rows: Object.values(others).map(({ label, values }) => [
      label,
      { metric: values.goodput, base: threads?.values.goodput },
      { metric: values.goodputPerCore, base: threads?.values.goodputPerCore },
      { metric: values.acceptedP50, unit: 'ms' },
      { metric: values.acceptedP99, unit: 'ms' },
      { metric: values.refusedShare, unit: '%' },
      { metric: values.refusedP50, unit: 'ms' },
      { metric: values.expired },
      { metric: values.unanswered },
    ]),
  }),
};
