// Which release a server process serves: of an app, the package that it belongs to; without one, millrace itself.
import { existsSync, realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { foldersAbove } from './folders-above.js';
import { packageFolder } from './package-files.js';
import { millraceVersion, versionIn } from './version.js';

/** The code that a process runs. */
export interface Release {
  /** Without links: which one `current` was at the start of the process. */
  readonly folder: string;
  readonly version: string;
}

export function thisRelease(): Release {
  return { folder: resolve(packageFolder), version: millraceVersion() };
}

/** By the nearest folder above the app's file whose package.json has a version. */
export function appRelease(app: string): Release {
  // A deploy may have taken it away just now.
  const file = existsSync(app) ? realpathSync(app) : resolve(app);
  for (const folder of foldersAbove(file)) {
    const version = versionIn(folder);
    if (version !== undefined) return { folder, version };
  }
  return { folder: dirname(file), version: 'unknown' };
}
