// The primary under something else that starts processes, and the signals that such things send.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { endingSignals, stopSignals, verbSignals } from '#src/signal-names.js';
import { startCluster } from '../support/cluster.js';
import { main } from '../support/command.js';

it('as a worker of another cluster it says so in one line and ends with 78', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-foreign-'));
  const script = join(folder, 'foreign.mjs');
  writeFileSync(
    script,
    `import cluster from 'node:cluster';
cluster.setupPrimary({ exec: ${JSON.stringify(main)}, args: [] });
cluster.fork().on('exit', (code) => process.exit(code));
`,
  );
  const env = { PATH: process.env.PATH, PORT: '0', ADMIN_PORT: '0' };
  const ran = await new Promise((resolve) => {
    const child = execFile(process.execPath, [script], { env }, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
  rmSync(folder, { recursive: true });
  expect(ran).toEqual({
    code: 78,
    stdout: '',
    stderr: expect.stringMatching(/^millrace: run it in fork mode: [^\n]+\n$/),
  });
});

describe('signals', () => {
  it('SIGQUIT to every process of the group drains, as SIGTERM does', async () => {
    await using cluster = await startCluster({ detached: true });
    const held = fetch(`${cluster.url}/io/delay?ms=1000`);
    // It has arrived, and so has this one behind it.
    await fetch(cluster.url);
    cluster.signal('SIGQUIT', 'group');
    expect((await held).status).toBe(200);
    expect(await cluster.exited).toBe(0);
    expect(cluster.lines.find(({ msg }) => msg === 'stopping')).toMatchObject({ reason: 'SIGQUIT' });
  });

  it('all others that may be ignored, and those that are meant for the primary, change nothing', async () => {
    await using cluster = await startCluster({ detached: true });
    const pids = cluster.serverPids();
    // Some have two names.
    const all = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));
    const named = (names: readonly NodeJS.Signals[]) => names.map((name) => constants.signals[name]);
    for (const ends of named(endingSignals)) all.delete(ends);
    for (const pid of pids) for (const number of all.keys()) process.kill(pid, number);
    for (const means of named([...stopSignals, ...verbSignals])) all.delete(means);
    for (const number of all.keys()) process.kill(-cluster.pid, number);
    // Some of those stop it.
    process.kill(-cluster.pid, 'SIGCONT');
    // Had they done something, it is done by the end of this.
    cluster.signal('SIGHUP');
    await cluster.waitForLine(({ msg }) => msg === 'reload completed');
    const messages = cluster.lines.map(({ msg }) => String(msg));
    const firstExit = messages.findIndex((msg) => msg.startsWith('server process exited'));
    expect(firstExit).toBeGreaterThan(messages.indexOf('reload started'));
    expect(await cluster.stop()).toBe(0);
    expect(cluster.stderr()).toBe('');
    expect(cluster.lines.filter(({ reason }) => reason === 'died')).toEqual([]);
  });

  it('each that Linux knows stands in the README, but for those that do nothing by themselves', async () => {
    const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
    const table = readme.slice(readme.indexOf('| signal to'), readme.indexOf('| exit code'));
    const numbers = [...table.matchAll(/`(SIG\w+)`/g)].map(
      ([, name]) => Object(constants.signals)[name ?? ''],
    );
    const silent = ['SIGCHLD', 'SIGURG', 'SIGWINCH', 'SIGCONT', 'SIGSTOP', 'SIGTSTP'];
    const missing = Object.entries(constants.signals).filter(
      ([name, number]) => !numbers.includes(number) && !silent.includes(name),
    );
    expect(missing).toEqual([]);
  });
});
