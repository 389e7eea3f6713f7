// The tarball as others install it, and commands run as a stranger runs them: by npm, without anything of these tests.
import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { patient } from './cluster.js';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Packed {
  readonly filename: string;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

export async function pack(folder: string): Promise<Packed> {
  const { stdout } = await run(
    root,
    'npm',
    'pack',
    '--json',
    '--ignore-scripts',
    '--pack-destination',
    folder,
  );
  return firstOf(stdout);
}

/** npm 12 and newer name each package. */
function firstOf(json: string): Packed {
  const told: Packed[] | Record<string, Packed> = JSON.parse(json);
  const [first] = Object.values(told);
  if (first === undefined) throw new Error('npm packed nothing');
  return first;
}

/** As if everything came from a registry, where no script is run either. */
export function install(folder: string, ...flags: readonly string[]): Promise<Ran> {
  return run(
    folder,
    'npm',
    'install',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    '--ignore-scripts',
    ...flags,
  );
}

/** Whether it failed because there is no registry. */
export function isAway({ stderr }: Ran): boolean {
  return /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENOTCACHED|ENETUNREACH/.test(stderr);
}

/** The node that runs the tests, also under npm; and nothing of an npm that runs them. */
export function plainEnv(): Record<string, string | undefined> {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_|^VITEST|^NODE_ENV$/.test(name)),
  );
  env.PATH = `${dirname(process.execPath)}:${env.PATH}`;
  return { ...env, ...patient };
}

export function run(cwd: string, command: string, ...args: string[]): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(
      command,
      args,
      { cwd, env: plainEnv(), maxBuffer: 1e8 },
      (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}
