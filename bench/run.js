// npm run bench: measures the scenarios one after the other, keeps their results, and writes tables and charts anew.
// What is measured and how is in scenarios/; how it is told, in report/.
import { spawnSync } from 'node:child_process';
import { endOnSignals } from './children.js';
import { compare, comparisonTable, here, shapesOf, shapeText } from './comparison/comparison.js';
import { probes } from './comparison/probes.js';
import { commitOf } from './git.js';
import { describeMachine } from './machine.js';
import { readOptions, UsageError, usage } from './options.js';
import { writeReport } from './report/report.js';
import { textTable } from './report/table.js';
import { readResult, thisMajor, writeComparison, writeResult } from './results.js';
import { scenarios } from './scenarios/scenarios.js';
import { digestNow, isStale, root } from './sources.js';

const quickScenarios = 6;
/** Of a comparison. */
const defaultRounds = 5;
/** When this run began: the same in all its results. */
const run = new Date().toISOString();
endOnSignals();

try {
  await bench(readOptions(process.argv.slice(2), scenarios, probes));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`bench: ${error.message}`);
  process.exitCode = 2;
}

/** @param {import('./options.js').Options} options */
async function bench({ help, node, report, stale, only, quick, rounds, checkouts, shapes }) {
  if (help) return console.log(usage);
  if (node !== undefined && `node${node}` !== thisMajor) return runOn(node);
  if (checkouts.length > 0) {
    const chosen = probes.filter(({ name }) => only?.includes(name) ?? true);
    for (const probe of chosen)
      await compareBy(probe, checkouts, shapes, { quick, rounds: rounds ?? (quick ? 1 : defaultRounds) });
    return;
  }
  if (!report) {
    const byDefault = quick ? scenarios.slice(0, quickScenarios) : scenarios;
    const named = only ? scenarios.filter(({ name }) => only.includes(name)) : byDefault;
    const chosen = stale ? named.filter(({ name }) => isStale(readResult(`${name}.${thisMajor}`))) : named;
    if (chosen.length === 0) console.log('No figure is older than the sources that it depends on.');
    for (const scenario of chosen) await measure(scenario, { quick, rounds });
  }
  if (!quick) writeReport(readResult);
}

/** The same again, on another Node: npm has the binaries of each. @param {string} major */
function runOn(major) {
  const [, script = ''] = process.argv;
  const args = process.argv.slice(2).filter((arg, place, all) => {
    return arg !== '--node' && all[place - 1] !== '--node' && !arg.startsWith('--node=');
  });
  const { status } = spawnSync('npx', ['-y', `node@${major}`, script, ...args], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
}

/**
 * @param {import('./scenarios/scenario.js').Scenario} scenario
 * @param {{ quick: boolean, rounds: number | undefined }} options
 */
async function measure(scenario, { quick, rounds }) {
  const machine = describeMachine();
  const { sources } = scenario;
  const commit = commitOf(root);
  const sourcesDigest = digestNow(sources);
  const startMs = performance.now();
  console.log(`\n${scenario.title}`);
  const { settings, variants } = await scenario.run({
    quick,
    rounds: rounds ?? (quick ? 1 : scenario.rounds),
    say: (text) => progress(`  ${text}`),
    previous: readResult(`${scenario.name}.${thisMajor}`),
  });
  progress('');
  const seconds = Math.round((performance.now() - startMs) / 1_000);
  const result = {
    scenario: scenario.name,
    title: scenario.title,
    run,
    machine,
    ...(commit !== undefined && { commit }),
    sources,
    sourcesDigest,
    seconds,
    settings,
    variants,
  };
  writeResult(result, quick);
  console.log(textTable(scenario.table(result)));
}

/**
 * @param {import('./comparison/probes.js').Probe} probe
 * @param {readonly import('./comparison/comparison.js').Checkout[]} checkouts
 * @param {readonly import('./comparison/comparison.js').Shape[]} shapes
 * @param {{ quick: boolean, rounds: number }} options
 */
async function compareBy(probe, checkouts, shapes, { quick, rounds }) {
  const machine = describeMachine();
  console.log(`\n${probe.title}`);
  const options = { quick, rounds, say: (/** @type {string} */ text) => progress(`  ${text}`) };
  const variants = await compare(probe, checkouts, shapes, options);
  progress('');
  const commits = Object.fromEntries([here, ...checkouts].map(({ name, root }) => [name, commitOf(root)]));
  const { name, title, metrics } = probe;
  writeComparison(
    {
      probe: name,
      title,
      run,
      machine,
      commits,
      shapes: shapesOf(probe, shapes).map(shapeText),
      metrics,
      variants,
    },
    quick,
  );
  console.log(textTable(comparisonTable(probe, variants, checkouts, shapes)));
}

/** One line that is overwritten on a terminal. @param {string} text */
function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else if (text !== '') console.error(text);
}
