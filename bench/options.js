// The command line of the bench.
import { parseArgs } from 'node:util';

export const usage = `npm run bench -- [--quick] [--only NAME[,NAME]] [--rounds N] [--report]
  --quick    the first six scenarios, briefly: to see that all is well, not for figures that are kept
  --only     these scenarios alone
  --rounds   how often each variant is measured, instead of the scenario's own number
  --report   measure nothing: write tables and charts again from the results that are there`;

export function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      rounds: { type: 'string' },
      report: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) {
    throw new Error(`--rounds must be a whole number above 0, not ${values.rounds}`);
  }
  return { ...values, rounds, only: values.only?.split(',') };
}
