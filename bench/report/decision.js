// What a mechanism is worth: one table of all that was measured of a checkout without it, beside the same code again,
// which shows the noise. From comparisons, whose shapes are columns.
import { here } from '../comparison/comparison.js';
import { markdownTable } from './table.js';

/** @typedef {import('../results.js').Comparison} Comparison */

/** The checkout that is the same code once more. */
const again = 'again';

/**
 * @param {string} name of the checkout without the mechanism
 * @param {readonly Comparison[]} comparisons
 * @returns {string | undefined} undefined where it was never measured
 */
export function decisionTable(name, comparisons) {
  const measured = comparisons.filter(({ commits }) => commits[name] !== undefined);
  if (measured.length === 0) return undefined;
  const shapes = [...new Set(measured.flatMap((one) => one.shapes))].sort();
  const rows = measured.flatMap((one) =>
    one.metrics.flatMap(({ name: metric, label }) => [
      [
        `${one.title}: **${label}**, without ÷ with`,
        ...shapes.map((shape) => cell(one, name, shape, metric)),
      ],
      ...(one.commits[again] === undefined
        ? []
        : [['the same code again', ...shapes.map((shape) => cell(one, again, shape, metric))]]),
    ]),
  );
  return `${markdownTable({ columns: ['processes × threads', ...shapes], rows })}\n\n${origins(name, measured)}`;
}

/** @param {Comparison} comparison @param {string} checkout @param {string} shape @param {string} metric */
function cell({ variants }, checkout, shape, metric) {
  const suffix = shape.replace(' × ', 'x');
  return {
    metric: variants[`${checkout}-${suffix}`]?.values[metric],
    base: variants[`${here.name}-${suffix}`]?.values[metric],
  };
}

/** @param {string} name @param {readonly Comparison[]} comparisons */
function origins(name, comparisons) {
  const lines = comparisons.map(({ probe, commits, machine, variants }) => {
    const rounds = Math.max(
      ...Object.values(variants).flatMap((row) => Object.values(row.values).map((v) => v.length)),
    );
    const [load] = machine.loadAverageBefore;
    return `\`${probe}\` at \`${commits[here.name]}\` in ${rounds} rounds, on ${machine.date.slice(0, 10)}, load average before ${load}`;
  });
  return `Without: \`${name}\`. ${lines.join('; ')}.`;
}
