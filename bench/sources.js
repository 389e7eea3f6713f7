// The sources that a figure depends on, as one short digest: of the working tree, or of a commit. So it is seen without
// any history whether they have changed since something was measured.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { filesOf } from './git.js';

/** The checkout that this file belongs to. */
export const root = resolve(import.meta.dirname, '..');

/** Folders that have sources. */
const folders = [
  'src',
  'workers',
  'bench/apps',
  'bench/bullmq',
  'bench/peers',
  'bench/sharing',
  'bench/simulation',
  'bench/tasks',
  'bench/tracing',
];

/**
 * @param {readonly string[]} globs paths of files, or `folder/**`
 * @param {string} path
 */
export function isAmong(globs, path) {
  return globs.some((glob) => (glob.endsWith('/**') ? path.startsWith(glob.slice(0, -2)) : path === glob));
}

/** Of the files as they are now. @param {readonly string[]} globs */
export function digestNow(globs) {
  const paths = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1)),
  );
  return digest(
    paths.filter((path) => isAmong(globs, path)).map((path) => [path, blobName(join(root, path))]),
  );
}

/**
 * Whether a result is older than the sources that it depends on, as far as it is known.
 * @param {import('./results.js').Result | undefined} result
 */
export function isStale(result) {
  return result?.sourcesDigest === undefined || result.sourcesDigest !== digestNow(result.sources);
}

/**
 * Of the files as a commit has them; undefined where its history is not there.
 * @param {string} commit @param {readonly string[]} globs
 */
export function digestAt(commit, globs) {
  const files = filesOf(root, commit);
  return files && digest([...files].filter(([path]) => isAmong(globs, path)));
}

/** @param {readonly (readonly [path: string, name: string])[]} files */
function digest(files) {
  const lines = files.map(([path, name]) => `${name} ${path}\n`).sort();
  return createHash('sha256').update(lines.join('')).digest('hex').slice(0, 16);
}

/** What git calls this content. @param {string} path */
function blobName(path) {
  const content = readFileSync(path);
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
}
