// The simulated machines: threads to spare, load, queue order. Every time is in lengths of the call itself: 1 is a
// call that never waited.
import { simulate } from '../simulation.js';

const equal = [{ name: 'call', us: 25_000, share: 1 }];
const mixed = [
  { name: 'short', us: 1_000, share: 0.9 },
  { name: 'long', us: 200_000, share: 0.1 },
];
const flooded = [
  { name: 'polite', us: 25_000, share: 0.05 },
  { name: 'flooding', us: 25_000, share: 0.95, client: 'flood' },
];
const allCores = [8, 32, 128];

const threadCells = allCores.flatMap((cores) => [
  ...[1, 2, 3, 4].map((threads) => ({
    name: `${cores}-cores-${threads}-threads`,
    label: `${cores} cores, a process each, ${threads} ${threads === 1 ? 'thread' : 'threads'} each`,
    setup: { cores, processes: cores, threads, order: 'fifo', load: 0.8, classes: equal },
  })),
  {
    name: `${cores}-cores-quarter`,
    label: `${cores} cores, ${cores / 4} processes, 5 threads each`,
    setup: { cores, processes: cores / 4, threads: 5, order: 'fifo', load: 0.8, classes: equal },
  },
  {
    name: `${cores}-cores-ideal`,
    label: `${cores} cores, one ideal shared queue`,
    setup: { cores, processes: 1, threads: cores, order: 'fifo', load: 0.8, classes: equal },
  },
]);

const loadCells = [0.5, 0.7, 0.8, 0.9, 0.95].map((load) => ({
  name: `load-${load * 100}`,
  label: `32 cores, 2 threads each, load ${load * 100} %`,
  setup: { cores: 32, processes: 32, threads: 2, order: 'fair', load, classes: equal },
}));

const orders = [
  { name: 'fifo', label: 'first come, first served', order: 'fifo', threads: 2 },
  { name: 'fair', label: "the lane's order", order: 'fair', threads: 2 },
  { name: 'fair-3', label: "the lane's order, 3 threads each", order: 'fair', threads: 3 },
];

const orderCells = orders.flatMap(({ name, label, order, threads }) => [
  {
    name: `mixed-${name}`,
    label: `32 cores, calls of 1 ms and (10 %) of 200 ms, ${label}`,
    setup: { cores: 32, processes: 32, threads, order, load: 0.9, classes: mixed },
  },
  {
    name: `flooded-${name}`,
    label: `32 cores, one client sends 95 % of all calls, ${label}`,
    setup: { cores: 32, processes: 32, threads, order, load: 0.95, classes: flooded },
  },
]);

export const simulation = {
  name: 'simulation',
  title: 'Simulated: 8 to 128 cores',
  rounds: 1,
  async run({ say }) {
    const variants = {};
    for (const { name, label, setup } of [...threadCells, ...loadCells, ...orderCells]) {
      say(label);
      const results = simulate(setup);
      variants[name] = { label, values: {} };
      for (const [kind, { p50, p99 }] of Object.entries(results)) {
        Object.assign(variants[name].values, { [`${kind}P50`]: [p50], [`${kind}P99`]: [p99] });
      }
    }
    return { settings: { unit: "the call's own length" }, variants };
  },
  table: ({ variants }) => ({
    columns: ['machine', 'median', 'p99'],
    rows: Object.values(variants).flatMap(({ label, values }) =>
      Object.keys(values)
        .filter((metric) => metric.endsWith('P99'))
        .map((metric) => {
          const kind = metric.slice(0, -3);
          return [
            kind === 'call' ? label : `${label}: ${kind}`,
            { metric: values[`${kind}P50`], unit: '×' },
            { metric: values[metric], unit: '×' },
          ];
        }),
    ),
  }),
};
