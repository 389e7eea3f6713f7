// Which millrace this is, and which release of an app. The one reader of package.json at run time.
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { packageFolder } from './package-files.js';

const root = resolve(packageFolder);

/** As in package.json. */
export function millraceVersion(): string {
  return versionIn(root) ?? 'unknown';
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

/** Of an app, the package that it belongs to: the nearest folder above it whose package.json has a version. */
export function appRelease(app: string): Release {
  // A deploy may have taken it away just now.
  const file = existsSync(app) ? realpathSync(app) : resolve(app);
  const folder = foldersAbove(file).find((above) => versionIn(above) !== undefined) ?? dirname(file);
  return { folder, version: versionIn(folder) ?? 'unknown' };
}

function foldersAbove(path: string): string[] {
  const above = dirname(path);
  return above === path ? [] : [above, ...foldersAbove(above)];
}

function versionIn(folder: string): string | undefined {
  try {
    const { version }: { version?: unknown } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return typeof version === 'string' ? version : undefined;
  } catch {
    return undefined;
  }
}
