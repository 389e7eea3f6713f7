// Which millrace this is. The one reader of package.json at run time.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { packageFolder } from './package-files.js';

const root = resolve(packageFolder);

/** As in package.json. */
export function millraceVersion(): string {
  const text = readFileSync(join(root, 'package.json'), 'utf8');
  const { version }: { version?: unknown } = JSON.parse(text);
  return typeof version === 'string' ? version : 'unknown';
}

/** The code that a process runs. */
export interface Release {
  /** Without links: which one `current` was at the start of the process. */
  readonly folder: string;
  readonly version: string;
}

export function thisRelease(): Release {
  return { folder: root, version: millraceVersion() };
}
