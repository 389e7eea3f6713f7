// Builds before any test runs, so that dist is never stale when it is tested. Whoever runs them all is told how long
// that takes.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export default function build(): void {
  if (process.argv.slice(2).every((argument) => argument === 'run'))
    console.log('\nAll tests: ten to eleven minutes on two cores. `npx vitest run test/FOLDER` runs a part.');
  execFileSync(process.execPath, [fileURLToPath(new URL('../../build.js', import.meta.url))], {
    stdio: 'inherit',
  });
}
