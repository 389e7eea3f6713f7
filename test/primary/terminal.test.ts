// The server as a user starts it: `npm start` on a real terminal, which util-linux's `script` provides.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freePort } from '../../bench/free-port.js';
import { patient } from '../support/cluster.js';
import { underway } from '../support/underway.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const faults = fileURLToPath(new URL('../fixtures/faults', import.meta.url));
const hasTerminals = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0;

interface Terminal {
  readonly url: string;
  readonly adminUrl: string;
  type(keys: string): void;
  hangUp(): void;
  readonly exited: Promise<number | null>;
  output(): string;
  /** Resolves once that is in its output. */
  says(text: string): Promise<void>;
}

async function npmStart(): Promise<Terminal> {
  const child = spawn('script', ['-q', '-e', '-c', 'exec npm start', '/dev/null'], {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      PORT: '0',
      ADMIN_PORT: '0',
      WORKERS: '2',
      TASKS_DIR: faults,
      QUEUE_MAX_WAIT_MS: '60000',
      ...patient,
    },
    stdio: 'pipe',
  });
  let output = '';
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [url, adminUrl] = await new Promise<[string, string]>((resolve, reject) => {
    child.stdout.on('data', (chunk) => {
      output += String(chunk);
      const [, server] = /^ {2}Server +(\S+)\r?\n/m.exec(output) ?? [];
      const [, admin] = /^ {2}Dashboard +(\S+)\r?\n/m.exec(output) ?? [];
      if (server !== undefined && admin !== undefined) resolve([server, admin]);
    });
    void exited.then(() => reject(new Error(`ended before it listened:\n${output}`)));
  });
  return {
    url,
    adminUrl,
    type: (keys) => child.stdin.write(keys),
    hangUp: () => child.kill('SIGKILL'),
    exited,
    output: () => output,
    async says(text) {
      while (!output.includes(text)) await once(child.stdout, 'data');
    },
  };
}

describe.skipIf(!hasTerminals)('npm start on a terminal', () => {
  it('ends its start with three plain lines: the address, the API, the dashboard', async () => {
    const terminal = await npmStart();
    const last = terminal.output().trimEnd().split('\r\n').slice(-3);
    expect(last).toEqual([
      `  Server     ${terminal.url}`,
      `  API        ${terminal.url}/docs`,
      `  Dashboard  ${terminal.adminUrl}`,
    ]);
    terminal.type('\x03');
    expect(await terminal.exited).toBe(0);
  });

  it('ends with 0 on one Ctrl-C, with running calls answered', async () => {
    const terminal = await npmStart();
    const calls = Array.from({ length: 4 }, () =>
      fetch(`${terminal.url}/fault`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"how":"hold","ms":8000}',
      }),
    );
    await underway(terminal.adminUrl, 4);
    terminal.type('\x03');
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(await terminal.exited).toBe(0);
    expect(terminal.output()).toContain('stopped');
  });

  it('ends with 1 at once on a second Ctrl-C', async () => {
    const terminal = await npmStart();
    const call = fetch(`${terminal.url}/fault`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"how":"hold","ms":60000}',
    }).catch(() => undefined);
    await underway(terminal.adminUrl, 1);
    terminal.type('\x03');
    await terminal.says('stopping');
    // One Ctrl-C arrives twice within a millisecond; this is another one.
    await new Promise((resolve) => setTimeout(resolve, 300));
    terminal.type('\x03');
    expect(await terminal.exited).toBe(1);
    expect(terminal.output()).toContain('ending at once');
    expect(await call).toBeUndefined();
  });

  it('stops when the terminal is gone', async () => {
    const terminal = await npmStart();
    terminal.hangUp();
    const gone = async () =>
      !(await fetch(terminal.url).then(
        () => true,
        () => false,
      ));
    while (!(await gone())) await new Promise((resolve) => setTimeout(resolve, 50));
  });
});

/** A job of a shell with job control, in the background from the start, on a terminal that lets none such write. */
const inBackground = `stty tostop; "${process.execPath}" dist/src/main.js & echo "job=$!."; wait $!; echo "code=$?."`;

it.skipIf(!hasTerminals)(
  'in the background of a terminal that lets no such job write it serves quietly, and ends on SIGTERM',
  async () => {
    const port = await freePort();
    const child = spawn('script', ['-q', '-c', 'exec bash --norc -m -c "$JOB"', '/dev/null'], {
      cwd: root,
      env: {
        PATH: process.env.PATH,
        SHELL: '/bin/sh',
        JOB: inBackground,
        PORT: String(port),
        ADMIN_PORT: 'off',
        WORKERS: '1',
        ...patient,
      },
      stdio: 'pipe',
    });
    let output = '';
    const job = await new Promise<number>((resolve) => {
      child.stdout.on('data', (chunk) => {
        output += String(chunk);
        const pid = /job=(\d+)\./.exec(output)?.[1];
        if (pid !== undefined) resolve(Number(pid));
      });
    });
    onTestFinished(() => {
      child.kill('SIGKILL');
      try {
        process.kill(job, 'SIGKILL');
      } catch {
        // It has ended.
      }
    });
    const answers = () =>
      fetch(`http://127.0.0.1:${port}/readyz`).then(
        ({ status }) => status,
        () => 0,
      );
    while ((await answers()) !== 200) await sleep(50);
    process.kill(job, 'SIGTERM');
    await new Promise((resolve) => child.once('close', resolve));
    expect(output).toContain('code=0.');
    expect(output).not.toContain('listening');
  },
);
