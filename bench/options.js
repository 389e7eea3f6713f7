// The command line of the bench.
import { parseArgs } from 'node:util';

export const usage = `npm run bench -- [--quick] [--only NAME[,NAME]] [--rounds N] [--report]
  --quick    the first six scenarios, briefly and once: to see that all is well, not for figures that are kept
  --only     these scenarios alone
  --rounds   how often each variant is measured, instead of the scenario's own number
  --report   measure nothing: write tables and charts again from the results that are there`;

/** A command line that does not fit: one line, exit code 2. */
export class UsageError extends Error {}

/** @param {readonly string[]} args @param {readonly { name: string }[]} scenarios */
export function readOptions(args, scenarios) {
  const values = parse(args);
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) {
    throw new UsageError(`--rounds must be a whole number above 0, not ${values.rounds}`);
  }
  const only = values.only?.split(',');
  const unknown = only?.find((name) => !scenarios.some((one) => one.name === name));
  if (unknown !== undefined) {
    throw new UsageError(`there is no scenario ${unknown}: ${scenarios.map(({ name }) => name).join(', ')}`);
  }
  return { ...values, rounds, only };
}

function parse(args) {
  try {
    return parseArgs({
      args,
      options: {
        quick: { type: 'boolean', default: false },
        only: { type: 'string' },
        rounds: { type: 'string' },
        report: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error.message);
  }
}
