// npm run bench as a whole, on its cheapest scenario: it measures, checks, prints, and leaves nothing behind.
import { execFile, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { processTree } from '../../bench/process-tree.js';

const run = fileURLToPath(new URL('../../bench/run.js', import.meta.url));
const bench = (...args: string[]) => promisify(execFile)(process.execPath, [run, ...args]);

test('a quick run of one scenario prints its table', async () => {
  const { stdout } = await bench('--quick', '--only', 'hop');
  expect(stdout).toContain("The event loop's own time per call");
  expect(stdout).toMatch(/the thread lane, 64 at once +[\d.]+ × +[\d.]+ µs/);
});

test('a checkout is compared with another one, on a shape that is named', async () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const { stdout } = await bench(
    ...['--quick', '--variant', `again=${root}`, '--only', 'hop-js', '--shapes', '1x1'],
  );
  expect(stdout).toMatch(/this, 1 × 1 +[\d.,]+ µs/);
  expect(stdout).toMatch(/again, 1 × 1 +[\d.]+ ×/);
});

test.each([
  [['--only', 'nothing'], /^bench: there is no scenario nothing: saturation, light.*\n$/],
  [['--rounds', '0'], /^bench: --rounds must be .*\n$/],
  [['--variant', 'here'], /^bench: --variant must be NAME=PATH, not here\n$/],
  [['--variant', 'a=.', '--only', 'light'], /^bench: there is no probe light: full-js, .*\n$/],
  [['--variant', 'a=.', '--shapes', '2'], /^bench: --shapes must be like 1x2,2x2, not 2\n$/],
  [['--variant', 'a=/nowhere', '--quick'], /^bench: the checkout a is not built: there is no .*main\.js\n$/],
  [['--fast'], /^bench: Unknown option '--fast'.*\n$/],
])('%s does not fit: one line, exit code 2', async (args, line) => {
  const failure = await bench(...args).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toMatchObject({ code: 2, stderr: expect.stringMatching(line) });
});

test.runIf(process.platform === 'linux').each(['SIGTERM', 'SIGINT'] as const)(
  '%s ends the bench with all that it started',
  async (signal) => {
    const child = spawn(process.execPath, [run, '--quick', '--only', 'saturation'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const tree = await firstServerWithItsProcesses(child.pid ?? 0, child.stderr);
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await exited;
    await expect.poll(() => tree.filter((pid) => isRunning(pid))).toEqual([]);
  },
);

/** Told of the first measurement it has begun to start a server: all of it, as soon as that one has children. */
async function firstServerWithItsProcesses(pid: number, progress: NodeJS.ReadableStream) {
  for await (const line of createInterface(progress)) if (line.includes('round 1')) break;
  await expect.poll(() => processTree(pid).length).toBeGreaterThanOrEqual(4);
  return processTree(pid);
}

/** A zombie, which nobody has asked about yet, is not. */
function isRunning(pid: number) {
  const path = `/proc/${pid}/stat`;
  return existsSync(path) && !/\) Z /.test(readFileSync(path, 'latin1'));
}
