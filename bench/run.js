// npm run bench: measures the scenarios one after the other, keeps their results, and writes tables and charts anew.
// What is measured and how is in scenarios/; how it is told, in report/.
import { endOnSignals } from './children.js';
import { describeMachine } from './machine.js';
import { readOptions, UsageError, usage } from './options.js';
import { writeReport } from './report/report.js';
import { textTable } from './report/table.js';
import { readResult, writeResult } from './results.js';
import { scenarios } from './scenarios/scenarios.js';

const quickScenarios = 6;
/** When this run began: the same in all its results. */
const run = new Date().toISOString();
endOnSignals();

try {
  await bench(readOptions(process.argv.slice(2), scenarios));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`bench: ${error.message}`);
  process.exitCode = 2;
}

async function bench({ help, report, only, quick, rounds }) {
  if (help) return console.log(usage);
  if (!report) {
    const byDefault = quick ? scenarios.slice(0, quickScenarios) : scenarios;
    const chosen = only ? scenarios.filter(({ name }) => only.includes(name)) : byDefault;
    for (const scenario of chosen) await measure(scenario, { quick, rounds });
  }
  if (!quick) writeReport(readResult);
}

async function measure(scenario, { quick, rounds }) {
  const machine = describeMachine();
  const startMs = performance.now();
  console.log(`\n${scenario.title}`);
  const { settings, variants } = await scenario.run({
    quick,
    rounds: rounds ?? (quick ? 1 : scenario.rounds),
    say: (text) => progress(`  ${text}`),
    previous: readResult(scenario.name),
  });
  progress('');
  const seconds = Math.round((performance.now() - startMs) / 1_000);
  const result = {
    scenario: scenario.name,
    title: scenario.title,
    run,
    machine,
    seconds,
    settings,
    variants,
  };
  writeResult(result, quick);
  console.log(textTable(scenario.table(result)));
}

/** One line that is overwritten on a terminal. */
function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else if (text !== '') console.error(text);
}
