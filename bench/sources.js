// The sources that a figure depends on, as one short digest: of the working tree, or of a commit. So it is seen without
// any history whether they have changed since something was measured. Lines that are comments do not count.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { contentsOf, filesOf } from './git.js';

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
    paths
      .filter((path) => isAmong(globs, path))
      .map((path) => [path, readFileSync(join(root, path), 'utf8')]),
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
  const files = [...(filesOf(root, commit) ?? [])].filter(([path]) => isAmong(globs, path));
  const contents = contentsOf(
    root,
    files.map(([, name]) => name),
  );
  if (files.length === 0 || contents === undefined) return undefined;
  return digest(files.map(([path], index) => [path, contents[index] ?? '']));
}

/** @param {readonly (readonly [path: string, content: string])[]} files */
function digest(files) {
  const lines = files.map(([path, content]) => `${sha256(codeOf(content))} ${path}\n`).sort();
  return sha256(lines.join('')).slice(0, 16);
}

/** Without the lines that are comments. @param {string} content */
export const codeOf = (content) => content.replaceAll(/^\s*(?:\/\/|\/?\*).*\n/gm, '');

/** @param {string} text */
const sha256 = (text) => createHash('sha256').update(text).digest('hex');
