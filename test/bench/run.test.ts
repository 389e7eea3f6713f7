// npm run bench as a whole, on its cheapest scenario: it measures, checks and prints.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = fileURLToPath(new URL('../../bench/run.js', import.meta.url));
const bench = (...args: string[]) => promisify(execFile)(process.execPath, [run, ...args]);

test('a quick run of one scenario prints its table', async () => {
  const { stdout } = await bench('--quick', '--only', 'hop');
  expect(stdout).toContain("The event loop's own time per call");
  expect(stdout).toMatch(/the thread lane, 64 at once +[\d.]+ × +[\d.]+ µs/);
}, 60_000);

test('a scenario that is not there is named, with those that are', async () => {
  await expect(bench('--only', 'nothing')).rejects.toThrow(/no scenario nothing: saturation, light/);
});
