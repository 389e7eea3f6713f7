// The command line of the bench.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { defaultShapes, here, serverFile } from './comparison/comparison.js';

export const usage = `npm run bench -- [--node MAJOR] [--quick] [--only NAME[,NAME]] [--rounds N] [--stale] [--report]
  --node     on that Node (20, 22, 24, 26), which npm fetches; the headline figures are those of 24
  --quick    the first six scenarios, briefly and once: to see that all is well, not for figures that are kept
  --only     these scenarios alone
  --rounds   how often each variant is measured, instead of the scenario's own number
  --stale    those alone whose figures are older than the sources that they depend on
  --report   measure nothing: write tables and charts again from the results that are there
npm run bench -- --variant NAME=PATH [--variant NAME=PATH] [--only PROBE[,PROBE]] [--shapes 1x2,2x2] [--rounds N]
  --variant  compare this checkout with another one, built, in turn: NAME as it is told, PATH its root
  --shapes   server processes × threads to compare them on`;

/** A command line that does not fit: one line, exit code 2. */
export class UsageError extends Error {}

/**
 * @typedef {object} Options
 * @property {boolean} help
 * @property {string | undefined} node
 * @property {boolean} quick
 * @property {boolean} report
 * @property {boolean} stale
 * @property {number | undefined} rounds
 * @property {readonly string[] | undefined} only
 * @property {readonly import('./comparison/comparison.js').Checkout[]} checkouts to compare with; none: no comparison
 * @property {readonly import('./comparison/comparison.js').Shape[]} shapes
 */

/**
 * @param {readonly string[]} args
 * @param {readonly { name: string }[]} scenarios
 * @param {readonly { name: string }[]} probes
 * @returns {Options}
 */
export function readOptions(args, scenarios, probes) {
  const values = parse(args);
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) {
    throw new UsageError(`--rounds must be a whole number above 0, not ${values.rounds}`);
  }
  const checkouts = (values.variant ?? []).map(checkout);
  const known = checkouts.length > 0 ? probes : scenarios;
  const only = values.only?.split(',');
  const unknown = only?.find((name) => !known.some((one) => one.name === name));
  if (unknown !== undefined) {
    const kind = checkouts.length > 0 ? 'probe' : 'scenario';
    throw new UsageError(`there is no ${kind} ${unknown}: ${known.map(({ name }) => name).join(', ')}`);
  }
  const shapes = values.shapes?.split(',').map(shape) ?? defaultShapes;
  const { help, node, quick, report, stale } = values;
  if (node !== undefined && !/^(?:20|22|24|26)$/.test(node))
    throw new UsageError(`--node must be 20, 22, 24 or 26, not ${node}`);
  return { help, node, quick, report, stale, rounds, only, checkouts, shapes };
}

/** @param {readonly string[]} args */
function parse(args) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        node: { type: 'string' },
        quick: { type: 'boolean', default: false },
        only: { type: 'string' },
        rounds: { type: 'string' },
        report: { type: 'boolean', default: false },
        stale: { type: 'boolean', default: false },
        variant: { type: 'string', multiple: true },
        shapes: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** @param {string} text */
function checkout(text) {
  const [, name, path] = /^([a-z][\w-]*)=(.+)$/.exec(text) ?? [];
  if (name === undefined || path === undefined || name === here.name)
    throw new UsageError(`--variant must be NAME=PATH, not ${text}`);
  const found = { name, root: resolve(path) };
  const file = serverFile(found);
  if (!existsSync(file)) throw new UsageError(`the checkout ${name} is not built: there is no ${file}`);
  return found;
}

/** @param {string} text */
function shape(text) {
  const [, workers, threads] = /^([1-9]\d?)x([1-9]\d?)$/.exec(text) ?? [];
  if (workers === undefined) throw new UsageError(`--shapes must be like 1x2,2x2, not ${text}`);
  return { workers: Number(workers), threads: Number(threads) };
}
