// The results as files: one JSON per scenario. Those of a --quick run are kept apart and never enter a document.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('./results/', import.meta.url));

/** Results of other Node versions than this one stand beside it, in light.node24.json. */
const referenceMajor = '20';

function pathOf(name, quick) {
  const major = process.versions.node.split('.')[0];
  const suffix = major === referenceMajor ? '' : `.node${major}`;
  return `${folder}${quick ? 'quick/' : ''}${name}${suffix}.json`;
}

export function writeResult(result, quick) {
  mkdirSync(`${folder}${quick ? 'quick/' : ''}`, { recursive: true });
  // The rounds of a metric are one line, for people who read differences.
  const text = JSON.stringify(result, null, 1).replace(/\[[^[\]{}]*\]/g, (list) =>
    list.replace(/\n\s*/g, ' '),
  );
  writeFileSync(pathOf(result.scenario, quick), `${text}\n`);
}

/** @param {string} name a scenario, or `scenario.node24` @returns the committed result, undefined where there is none */
export function readResult(name) {
  const path = `${folder}${name}.json`;
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
}
