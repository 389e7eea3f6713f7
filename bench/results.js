// The results as files: one JSON per scenario. Those of a --quick run are kept apart and never enter a document.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('./results/', import.meta.url));

/** Whose results have no suffix: they were there first. */
const plainMajor = 'node20';
/** Whose results are the headline where they are there: what is in long-term support. The others stand beside them. */
const headlineMajor = 'node24';

/** Of the Node that runs this: `node24` */
export const thisMajor = `node${process.versions.node.split('.')[0]}`;

/** @param {string} name @param {boolean} quick */
function pathOf(name, quick) {
  return `${folder}${quick ? 'quick/' : ''}${fileName(name, thisMajor)}`;
}

/** @param {string} name @param {string} major */
function fileName(name, major) {
  return `${name}${major === plainMajor ? '' : `.${major}`}.json`;
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

/**
 * The committed result of a scenario: the headline, or of one Node (`light.node26`).
 * @param {string} name @returns {Result | undefined}
 */
export function readResult(name) {
  const [scenario = '', major] = name.split('.');
  if (major !== undefined) return readFile(fileName(scenario, major));
  return readFile(fileName(scenario, headlineMajor)) ?? readFile(fileName(scenario, plainMajor));
}

/** @param {string} file @returns {Result | undefined} */
function readFile(file) {
  const path = folder + file;
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
}
