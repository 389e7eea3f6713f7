// Runs one command of the command line as a user does: a process of its own, from the build.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { patient } from './cluster.js';

export const main = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export function millrace(
  args: readonly string[],
  { env = {}, cwd }: { env?: Readonly<Record<string, string>>; cwd?: string } = {},
): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [main, ...args],
      { env: { PATH: process.env.PATH, BOOT_TIMEOUT_MS: patient.BOOT_TIMEOUT_MS, ...env }, cwd },
      (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}
