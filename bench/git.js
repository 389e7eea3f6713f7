// What git knows of a checkout. Undefined where there is no git, no repository, or not so much history.
import { execFileSync } from 'node:child_process';

/** @param {string} root @param {readonly string[]} args @returns {string | undefined} its output */
function git(root, args) {
  try {
    return execFileSync('git', ['-C', root, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 64 * 2 ** 20,
    }).trim();
  } catch {
    return undefined;
  }
}

/** The commit of a checkout; `abc123+` where what is built of it differs from it. @param {string} root */
export function commitOf(root) {
  const commit = git(root, ['rev-parse', '--short=10', 'HEAD']);
  const changes = git(root, ['status', '--porcelain', '--', 'src', 'workers', 'package-lock.json']);
  return commit && (changes === '' ? commit : `${commit}+`);
}

/**
 * What stands in these files of a commit; undefined where it is not known.
 * @param {string} root @param {readonly string[]} names git's names for their contents
 * @returns {readonly string[] | undefined}
 */
export function contentsOf(root, names) {
  try {
    const input = names.map((name) => `${name}\n`).join('');
    const batch = execFileSync('git', ['-C', root, 'cat-file', '--batch'], {
      input,
      stdio: ['pipe', 'pipe', 'ignore'],
      maxBuffer: 256 * 2 ** 20,
    });
    let at = 0;
    return names.map(() => {
      const endOfHead = batch.indexOf('\n', at);
      const length = Number(batch.toString('latin1', at, endOfHead).split(' ')[2]);
      if (!Number.isSafeInteger(length)) throw new Error('an unknown name');
      const start = endOfHead + 1;
      at = start + length + 1;
      return batch.toString('utf8', start, start + length);
    });
  } catch {
    return undefined;
  }
}

/**
 * The files of a commit with the names that git has for their contents.
 * @param {string} root @param {string} commit
 * @returns {ReadonlyMap<string, string> | undefined} by path
 */
export function filesOf(root, commit) {
  const listed = git(root, ['ls-tree', '-r', '-z', '--format=%(objectname) %(path)', commit]);
  return (
    (listed &&
      new Map(
        listed
          .split('\0')
          .filter((line) => line !== '')
          .map((line) => [line.slice(line.indexOf(' ') + 1), line.slice(0, line.indexOf(' '))]),
      )) ||
    undefined
  );
}
