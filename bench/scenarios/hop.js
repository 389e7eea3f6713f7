// What handing a small call to a thread costs the event loop: the lane, which sends calls that wait together in one
// message, against one piscina.run per call.
import { fileURLToPath } from 'node:url';
import { runScript } from '../children.js';
import { interleave } from '../rounds.js';
import { compute, lane } from './depends-on.js';

const runner = fileURLToPath(new URL('../hop-runner.js', import.meta.url));

const variants = [
  { name: 'piscina-64', label: 'one piscina.run per call, 64 at once', side: 'piscina', concurrency: 64 },
  { name: 'lane-64', label: 'the thread lane, 64 at once', side: 'lane', concurrency: 64 },
  {
    name: 'piscina-1',
    label: 'one piscina.run per call, one at a time',
    side: 'piscina',
    concurrency: 1,
    slow: true,
  },
  { name: 'lane-1', label: 'the thread lane, one at a time', side: 'lane', concurrency: 1, slow: true },
];

/** @type {import('./scenario.js').Scenario} */
export const hop = {
  name: 'hop',
  title: "The event loop's own time per call of 100 µs on a thread",
  sources: [...lane, ...compute],
  rounds: 7,
  async run({ quick, rounds, say }) {
    const settings = { warmCalls: quick ? 500 : 2_000, calls: quick ? 1_000 : 10_000 };
    const measured = await interleave({ quick, rounds, variants, say }, async ({ side, concurrency }) => {
      return runScript(runner, [side, concurrency, settings.warmCalls, settings.calls]);
    });
    return { settings, variants: measured };
  },
  table: ({ variants: results }) => ({
    columns: ['way', '÷ piscina.run', 'event loop per call'],
    rows: Object.entries(results).map(([name, { label, values }]) => [
      label,
      { metric: values.loopUs, base: results[`piscina-${name.split('-')[1]}`]?.values.loopUs },
      { metric: values.loopUs, unit: 'µs' },
    ]),
  }),
};
