// What git knows of a checkout. Everything is undefined where there is no git, no repository, or not enough history.
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

/**
 * The commit of a checkout; `abc123+` where files differ from it.
 * @param {string} root
 */
export function commitOf(root) {
  const commit = git(root, ['rev-parse', '--short=10', 'HEAD']);
  if (commit === undefined) return undefined;
  return git(root, ['status', '--porcelain', '--untracked-files=no']) === '' ? commit : `${commit}+`;
}
