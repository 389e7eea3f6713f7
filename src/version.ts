// The version that a package.json says, and millrace's own.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder } from './package-files.js';

/** As in package.json. */
export function millraceVersion(): string {
  return versionIn(packageFolder) ?? 'unknown';
}

/** Undefined where there is none that can be read. */
export function versionIn(folder: string): string | undefined {
  try {
    const { version }: { version?: unknown } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return typeof version === 'string' ? version : undefined;
  } catch {
    return undefined;
  }
}
