// The results as files: one JSON per scenario. Those of a --quick run are kept apart and never enter a document.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('./results/', import.meta.url));

/** Results of other Node versions than this one stand beside it, in light.node24.json. */
const referenceMajor = '20';

/** @param {string} name @param {boolean} quick */
function pathOf(name, quick) {
  const major = process.versions.node.split('.')[0];
  const suffix = major === referenceMajor ? '' : `.node${major}`;
  return `${folder}${quick ? 'quick/' : ''}${name}${suffix}.json`;
}

/**
 * @typedef {object} Result
 * @property {string} scenario
 * @property {string} title
 * @property {string} run when its run began
 * @property {ReturnType<typeof import('./machine.js').describeMachine>} machine
 * @property {string} [commit] that it was measured at, with a `+` where files differed from it; none: not known
 * @property {readonly string[]} sources that it depends on
 * @property {string} [sourcesDigest] of these, as they were then; none: not known
 * @property {number} seconds
 * @property {Record<string, unknown>} settings
 * @property {import('./rounds.js').Results} variants
 */
/** @typedef {(name: string) => Result | undefined} ReadResult a result by its scenario */

/** @param {Result} result @param {boolean} quick */
export function writeResult(result, quick) {
  write(pathOf(result.scenario, quick), result);
}

/**
 * @typedef {object} Comparison
 * @property {string} probe
 * @property {string} title
 * @property {string} run
 * @property {Result['machine']} machine
 * @property {Record<string, string | undefined>} commits of the checkouts
 * @property {readonly string[]} shapes
 * @property {readonly import('./comparison/probes.js').Metric[]} metrics
 * @property {import('./rounds.js').Results} variants
 */

/** @param {Comparison} comparison @param {boolean} quick */
export function writeComparison(comparison, quick) {
  write(`${folder}${quick ? 'quick/' : ''}comparison/${comparison.probe}.json`, comparison);
}

/** Those that are committed, by the names of their probes. @returns {Comparison[]} */
export function readComparisons() {
  const path = `${folder}comparison/`;
  if (!existsSync(path)) return [];
  return readdirSync(path)
    .sort()
    .map((file) => JSON.parse(readFileSync(path + file, 'utf8')));
}

/** @param {string} path @param {object} content */
function write(path, content) {
  mkdirSync(dirname(path), { recursive: true });
  // The rounds of a metric are one line, for people who read differences.
  const text = JSON.stringify(content, null, 1).replace(/\[[^[\]{}]*\]/g, (list) =>
    list.replace(/\n\s*/g, ' '),
  );
  writeFileSync(path, `${text}\n`);
}

/** @param {string} name a scenario, or `scenario.node24` @returns {Result | undefined} the committed result */
export function readResult(name) {
  const path = `${folder}${name}.json`;
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
}
