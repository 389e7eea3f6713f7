// npm run bench: measures the scenarios one after the other, keeps their results, and writes tables and charts anew.
// What is measured and how is in scenarios/; how it is told, in report/.
import { describeMachine } from './machine.js';
import { readOptions, usage } from './options.js';
import { writeReport } from './report/report.js';
import { textTable } from './report/table.js';
import { readResult, writeResult } from './results.js';
import { scenarios } from './scenarios/scenarios.js';

const quickScenarios = 6;
const options = readOptions(process.argv.slice(2));

if (options.help) console.log(usage);
else if (options.report) writeReport(readResult);
else {
  for (const scenario of chosen()) await measure(scenario);
  if (!options.quick) writeReport(readResult);
}

function chosen() {
  const { only, quick } = options;
  const unknown = only?.find((name) => !scenarios.some((one) => one.name === name));
  if (unknown !== undefined) {
    throw new Error(`there is no scenario ${unknown}: ${scenarios.map((one) => one.name).join(', ')}`);
  }
  if (only !== undefined) return scenarios.filter((one) => only.includes(one.name));
  return quick ? scenarios.slice(0, quickScenarios) : scenarios;
}

async function measure(scenario) {
  const machine = describeMachine();
  const startMs = performance.now();
  console.log(`\n${scenario.title}`);
  const { settings, variants } = await scenario.run({
    quick: options.quick,
    rounds: options.rounds ?? (options.quick ? 1 : scenario.rounds),
    say: (text) => progress(`  ${text}`),
  });
  progress('');
  const seconds = Math.round((performance.now() - startMs) / 1_000);
  const result = { scenario: scenario.name, title: scenario.title, machine, seconds, settings, variants };
  writeResult(result, options.quick);
  console.log(textTable(scenario.table(result)));
}

/** One line that is overwritten on a terminal. */
function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else if (text !== '') console.error(text);
}
