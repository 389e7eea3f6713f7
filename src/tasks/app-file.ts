// Finds and loads the file of a team's own app, and names it where it cannot be used. What the app does is app.ts.
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type AppSetup, setupOf } from '../app.js';
import { importFault } from './import-fault.js';
import { typeScriptFault } from './typescript-files.js';

/** An app file that cannot be served: one line that names the file. Ends the boot with 78. */
export class AppFileError extends Error {
  override readonly name = 'AppFileError';

  constructor(file: string, reason: string, cause?: unknown) {
    super(`${file}: ${reason.split('\n', 1)[0]}`, { cause });
  }
}

/** @throws AppFileError */
export async function loadApp(file: string): Promise<AppSetup> {
  const path = resolve(file);
  const fault = (await fileFault(path)) ?? typeScriptFault(path);
  if (fault !== undefined) throw new AppFileError(path, fault);
  let exported: unknown;
  try {
    exported = ((await import(pathToFileURL(path).href)) as { default?: unknown }).default;
  } catch (cause) {
    throw new AppFileError(path, await importFault(cause, path), cause);
  }
  const setup = setupOf(exported);
  if (setup === undefined) throw new AppFileError(path, 'has no default export made by defineApp');
  return setup;
}

/** Node's own words would be of this file, as if the installation were broken. */
async function fileFault(path: string): Promise<string | undefined> {
  try {
    return (await stat(path)).isFile() ? undefined : 'is no file, and APP must name that of an app';
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    return `cannot be found (${code}), and APP must name the file of an app`;
  }
}
