// The simulated machines: threads to spare, load, order, overload, a flood. Every time is in lengths of the call itself:
// 1 is a call that never waited.
import { simulate } from '../simulation/simulate.js';
import { simulated } from './depends-on.js';

const equal = [{ name: 'call', us: 25_000, share: 1 }];
const mixed = [
  { name: 'short', us: 1_000, share: 0.9 },
  { name: 'long', us: 200_000, share: 0.1 },
];
const flooded = [
  { name: 'polite', us: 25_000, share: 0.05 },
  { name: 'flooding', us: 25_000, share: 0.95, client: 'flood' },
];
const flood = [{ name: 'flooding', us: 25_000, share: 1, client: 'flood' }];
/** A client that takes half a ms until its next call. */
const returning = { name: 'polite', us: 25_000, awayMs: 0.5 };
const allCores = [8, 32, 128];

/**
 * @typedef {object} Cell
 * @property {string} name
 * @property {string} label
 * @property {import('../simulation/simulate.js').Machine} setup
 */

/** @type {Cell[]} */
const threadCells = allCores.flatMap((cores) => [
  ...[1, 2, 3, 4].map((threads) => ({
    name: `${cores}-cores-${threads}-threads`,
    label: `${cores} cores, a process each, ${threads} ${threads === 1 ? 'thread' : 'threads'} each`,
    setup: { cores, processes: cores, threads, load: 0.8, classes: equal },
  })),
  {
    name: `${cores}-cores-quarter`,
    label: `${cores} cores, ${cores / 4} processes, 5 threads each`,
    setup: { cores, processes: cores / 4, threads: 5, load: 0.8, classes: equal },
  },
  {
    name: `${cores}-cores-ideal`,
    label: `${cores} cores, one ideal shared queue`,
    setup: { cores, processes: 1, threads: cores, load: 0.8, classes: equal },
  },
]);

/** @type {Cell[]} */
const loadCells = [8, 32].flatMap((cores) =>
  [0.5, 0.7, 0.8, 0.9, 0.95].map((load) => ({
    name: `load-${cores}-${load * 100}`,
    label: `${cores} cores, 2 threads each, load ${load * 100} %`,
    setup: { cores, processes: cores, threads: 2, load, classes: equal },
  })),
);

/** @type {{ name: string, label: string, rules: Pick<import('../simulation/simulate.js').Machine, 'order' | 'threads'> }[]} */
const orders = [
  { name: 'fifo', label: 'first come, first served', rules: { order: 'fifo', threads: 2 } },
  { name: 'fair', label: 'the lane', rules: { threads: 2 } },
  { name: 'fair-3', label: 'the lane, 3 threads each', rules: { threads: 3 } },
];

/** @type {Cell[]} */
const orderCells = orders.flatMap(({ name, label, rules }) => [
  {
    name: `mixed-${name}`,
    label: `32 cores, calls of 1 ms and (10 %) of 200 ms, ${label}`,
    setup: { cores: 32, processes: 32, load: 0.9, classes: mixed, ...rules },
  },
  {
    name: `flooded-${name}`,
    label: `32 cores, one client sends 95 % of all calls, ${label}`,
    setup: { cores: 32, processes: 32, load: 0.95, classes: flooded, ...rules },
  },
]);

/** @type {Cell[]} */
const overloadCells = [1, 2, 10].map((load) => ({
  name: `overload-${load}`,
  label: `32 cores, 2 threads each, ${load} × the capacity, QUEUE_MAX_WAIT_MS=1000`,
  setup: { cores: 32, processes: 32, threads: 2, load, classes: equal, maxWaitMs: 1_000 },
}));

/** @type {Cell[]} */
const returningCells = [
  { processes: 1, threads: 8 },
  { processes: 4, threads: 3 },
  { processes: 8, threads: 2 },
].flatMap(({ processes, threads }) =>
  [true, false].map((anticipates) => ({
    name: `returning-${processes}x${threads}${anticipates ? '' : '-off'}`,
    label: `8 cores, ${processes} × ${threads} threads, a flood of 4 × the capacity and one call after the other${anticipates ? '' : ', no thread held'}`,
    setup: {
      cores: 8,
      processes,
      threads,
      load: 4,
      classes: flood,
      returning,
      anticipates,
      maxWaitMs: 2_000,
    },
  })),
);

/** @type {import('./scenario.js').Scenario} */
export const simulation = {
  name: 'simulation',
  title: 'Simulated: 8 to 128 cores',
  sources: simulated,
  rounds: 1,
  async run({ quick, say }) {
    /** @type {import('../rounds.js').Results} */
    const variants = {};
    const cells = [...threadCells, ...loadCells, ...orderCells, ...overloadCells, ...returningCells];
    for (const { name, label, setup } of cells) {
      say(label);
      const { classes, crowdedShare } = simulate(quick ? { ...setup, calls: 100 } : setup);
      /** @type {Record<string, number[]>} */
      const values = { crowded: [crowdedShare * 100] };
      for (const [kind, { p50, p99, ended, refused }] of Object.entries(classes)) {
        values[`${kind}P50`] = [p50];
        values[`${kind}P99`] = [p99];
        values[`${kind}Refused`] = [(refused / (ended + refused)) * 100];
      }
      variants[name] = { label, values };
    }
    return { settings: { unit: "the call's own length" }, variants };
  },
  table: ({ variants }) => ({
    columns: ['machine', 'median', 'p99', 'refused', 'more threads at work than cores'],
    rows: Object.values(variants).flatMap(({ label, values }) =>
      Object.keys(values)
        .filter((metric) => metric.endsWith('P99'))
        .map((metric) => {
          const kind = metric.slice(0, -3);
          return [
            kind === 'call' ? label : `${label}: ${kind}`,
            { metric: values[`${kind}P50`], unit: '×' },
            { metric: values[metric], unit: '×' },
            { metric: values[`${kind}Refused`], unit: '%' },
            { metric: values.crowded, unit: '% of the time' },
          ];
        }),
    ),
  }),
};
