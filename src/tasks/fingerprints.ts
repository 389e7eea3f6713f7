// Whether files are still what they were, without reading them. In the server process and in its threads.
import { statSync } from 'node:fs';

/** A path and what its file was like. */
export type Fingerprint = readonly [path: string, print: string];

/**
 * Another file at this path, or another content, has another one: writing sets the change time, which nobody can set
 * back, and what is moved there, or reached by a link, has another inode. Undefined where there is none.
 */
export function fingerprint(path: string): Fingerprint | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? undefined : [path, `${stats.dev}:${stats.ino}:${stats.size}:${stats.ctimeMs}`];
}

/** The first path whose file has changed or is gone. */
export function changedFile(prints: readonly Fingerprint[]): string | undefined {
  return prints.find(([path, print]) => printAt(path) !== print)?.[0];
}

function printAt(path: string): string | undefined {
  try {
    return fingerprint(path)?.[1];
  } catch {
    // Its folder may have become a file, or may not be entered any more.
    return undefined;
  }
}
