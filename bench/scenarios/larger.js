// Larger machines once more, simulated with what the event loops' part costs here: what the defaults give there, beside
// other numbers of threads and processes, and beside queues that know of each other.
import { readResult } from '../results.js';
import { simulate } from '../simulation/simulate.js';
import { median } from '../statistics.js';
import { simulated } from './depends-on.js';

/** From a message to a thread, or back, until it runs: half of what a lone hop's 40 µs are beside the run. */
const wakeUs = 20;

/** @type {{ name: string, label: string, shape: (cores: number) => { processes: number, threads: number, oneQueue?: boolean, choices?: number } }[]} */
const ways = [
  { name: 'default', label: 'the defaults', shape: (cores) => ({ processes: cores, threads: 2 }) },
  { name: '3-threads', label: 'POOL_MAX_THREADS=3', shape: (cores) => ({ processes: cores, threads: 3 }) },
  {
    name: 'quarter',
    label: 'a process for 4 cores, 5 threads each',
    shape: (cores) => ({ processes: cores / 4, threads: 5 }),
  },
  {
    name: 'choices',
    label: 'each call to the less busy of two processes',
    shape: (cores) => ({ processes: cores, threads: 2, choices: 2 }),
  },
  {
    name: 'one-queue',
    label: 'one queue for all processes',
    shape: (cores) => ({ processes: cores, threads: 1, oneQueue: true }),
  },
];

/** So that queues fill soon: a flood is simulated for a tenth of a second and more. */
const maxWaitMs = 100;
/** For each core. */
const floodedCalls = 1_000;

const calls = [
  { name: 'long', us: 25_000, overload: 10 },
  { name: 'short', us: 1_000, overload: 2 },
];

/** @type {import('./scenario.js').Scenario} */
export const larger = {
  name: 'larger',
  title: 'Simulated with what hops, refusals and wakes cost: 8 to 128 cores',
  sources: simulated,
  rounds: 1,
  async run({ quick, say }) {
    const costs = measuredCosts();
    /** @type {import('../rounds.js').Results} */
    const variants = {
      costs: {
        label: 'costs',
        values: Object.fromEntries(Object.entries(costs).map(([name, us]) => [name, [us]])),
      },
    };
    for (const cores of [8, 32, 128]) {
      for (const { name, label, shape } of ways) {
        say(`${cores} cores, ${label}`);
        /** @type {Record<string, number[]>} */
        const values = {};
        for (const { name: kind, us, overload } of calls) {
          const machine = { ...shape(cores), cores, costs, ...(quick && { calls: 100 }) };
          const classes = [{ name: kind, us, share: 1 }];
          const steady = simulate({ ...machine, classes, load: 0.8 });
          const flooded = simulate({
            calls: cores * floodedCalls,
            ...machine,
            classes,
            maxWaitMs,
            load: overload,
          });
          values[`${kind}P99`] = [steady.classes[kind]?.p99 ?? Number.NaN];
          values[`${kind}Goodput`] = [flooded.goodput];
        }
        variants[`${cores}-${name}`] = { label: `${cores} cores, ${label}`, values };
      }
    }
    return {
      settings: { unit: "the call's own length", load: 0.8, overload: { long: 10, short: 2 }, maxWaitMs },
      variants,
    };
  },
  table: ({ variants: { costs: _, ...variants } }) => ({
    columns: [
      'machine',
      'p99, calls of 25 ms',
      '÷ the defaults',
      'p99, calls of 1 ms',
      '÷ the defaults',
      'goodput at 10 × the capacity, 25 ms',
      'goodput at twice the capacity, 1 ms',
    ],
    rows: Object.entries(variants).map(([name, { label, values }]) => {
      const base = variants[`${name.split('-')[0]}-default`]?.values;
      return [
        label,
        { metric: values.longP99, unit: '×' },
        { metric: values.longP99, base: base?.longP99 },
        { metric: values.shortP99, unit: '×' },
        { metric: values.shortP99, base: base?.shortP99 },
        { metric: values.longGoodput },
        { metric: values.shortGoodput },
      ];
    }),
  }),
};

/** As the results tell that are there. @returns {import('../simulation/loops.js').Costs} */
function measuredCosts() {
  return {
    requestUs: measured('light', 'millrace', 'cpuUs'),
    hopUs: measured('hop', 'lane-1', 'loopUs'),
    refusalUs: measured('growth', 'connections-10', 'refusalUs'),
    wakeUs,
  };
}

/** @param {string} scenario @param {string} variant @param {string} metric */
function measured(scenario, variant, metric) {
  const values = readResult(scenario)?.variants[variant]?.values[metric];
  if (values === undefined) throw new Error(`${scenario} is to be measured first`);
  return median(values);
}
