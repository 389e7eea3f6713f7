// From half of what the machine can do to ten times as much: what is answered, how late, and how soon the rest hears
// that it is refused. Open loop. Capacity is that of bare threads, measured in the same round.
import { bareThreadsPerSecond } from '../bare-threads.js';
import { busyCall } from '../calls.js';
import { load } from '../load/load.js';
import { interleave } from '../rounds.js';
import { millrace, peer, startServer } from '../servers.js';

const call = busyCall(50);
/** Shorter than the default, so that a queue fills and settles within a run. */
const maxWaitMs = 1_000;
const env = { QUEUE_MAX_WAIT_MS: String(maxWaitMs) };

function offered(name, label, spec, factors) {
  return factors.map((factor) => ({
    name: `${name}-${factor}`,
    label: `${label}, ${factor} ×`,
    spec,
    factor,
  }));
}

const variants = [
  { name: 'threads', label: 'bare threads' },
  ...offered('millrace', 'millrace', millrace(env), [0.5, 1, 2, 5, 10]),
  ...offered('express-piscina', 'Express + piscina', peer('express-piscina'), [1, 10]),
];

export const overload = {
  name: 'overload',
  title: 'Offered load from 0.5 to 10 times the capacity, calls of 50 ms, QUEUE_MAX_WAIT_MS=1000',
  rounds: 3,
  async run({ quick, rounds, say }) {
    const settings = { maxWaitMs, warmMs: quick ? 1_000 : 3_000, durationMs: quick ? 1_500 : 5_000 };
    const { warmMs, durationMs } = settings;
    const chosen = quick ? variants.filter(({ factor = 10 }) => factor === 1 || factor === 10) : variants;
    let capacity = 0;
    const measured = await interleave({ rounds, variants: chosen, say }, async ({ spec, factor }) => {
      if (spec === undefined) {
        capacity = await bareThreadsPerSecond(call.limit, 500, quick ? 1_000 : 4_000);
        return { goodput: capacity };
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
        return {
          goodput: result.completedPerSecond,
          acceptedP50: result.accepted.p50,
          acceptedP99: result.accepted.p99,
          unanswered: result.unanswered,
          refused: result.refused.count,
          ...(result.refused.count > 0 && { refusedP50: result.refused.p50 }),
          generatorShare: result.generatorCpuMs / (warmMs + durationMs),
          failed: result.failed,
        };
      } finally {
        await server.close();
      }
    });
    return { settings, variants: measured };
  },
  table: ({ variants: { threads, ...others } }) => ({
    columns: [
      'server, offered load',
      'goodput ÷ bare threads',
      'accepted p50',
      'accepted p99',
      'refused p50',
      'never answered',
    ],
    rows: Object.values(others).map(({ label, values }) => [
      label,
      { metric: values.goodput, base: threads.values.goodput },
      { metric: values.acceptedP50, unit: 'ms' },
      { metric: values.acceptedP99, unit: 'ms' },
      { metric: values.refusedP50, unit: 'ms' },
      { metric: values.unanswered },
    ]),
  }),
};
