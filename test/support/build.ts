// Builds before any test runs, so that dist is never stale when it is tested.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export default function build(): void {
  execFileSync(process.execPath, [fileURLToPath(new URL('../../build.js', import.meta.url))], {
    stdio: 'inherit',
  });
}
