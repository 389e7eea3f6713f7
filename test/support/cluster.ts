// Starts the real server as a child process, from the build, on free ports, and sees to it that nothing of it stays.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Timings } from '#src/primary/timings.js';

const main = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
const timedMain = fileURLToPath(new URL('./timed-main.js', import.meta.url));

export type LogLine = Readonly<Record<string, unknown>>;
export type Env = Readonly<Record<string, string>>;

export interface StartOptions {
  readonly env?: Env;
  readonly args?: readonly string[];
  /** Another entry than dist/src/main.js. */
  readonly entry?: string;
  /** What the timings of the supervision should be instead. */
  readonly timings?: Partial<Timings>;
  /** How many descriptors each of its processes may have, for good (util-linux's `prlimit`). */
  readonly openFiles?: number;
  /** As leader of a process group of its own, for signals to the whole group. */
  readonly detached?: boolean;
}

/** A started primary, whether it ever listens or not. */
export interface Launched {
  readonly pid: number;
  readonly lines: readonly LogLine[];
  stderr(): string;
  /** The first line, past or future, that fits. Rejects where the process ends without one. */
  waitForLine(fits: (line: LogLine) => boolean): Promise<LogLine>;
  /** Sends a signal, to the primary alone or to its whole group. */
  signal(signal: NodeJS.Signals, to?: 'primary' | 'group'): void;
  /** The exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** Sends a stop signal and waits. */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>;
  /** Server processes alive now. */
  serverPids(): number[];
  /** Closes our end of its output: whoever read it has left. */
  muteOutput(): void;
  /** Ends whatever is left of it. */
  dispose(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface Cluster extends Launched {
  readonly url: string;
  readonly port: number;
  readonly adminUrl: string;
}

/** Starts it and resolves once it listens with all server processes. */
export async function startCluster(options: StartOptions = {}): Promise<Cluster> {
  const launched = launch(options);
  try {
    const line = await launched.waitForLine(({ msg }) => msg === 'listening');
    return { ...launched, url: String(line.url), port: Number(line.port), adminUrl: String(line.adminUrl) };
  } catch (error) {
    await launched.dispose();
    throw error;
  }
}

/** On a busy machine a start takes long, and threads that step back get next to nothing of a core there. */
export const patient = { BOOT_TIMEOUT_MS: '200000', POOL_NICE: '0' };

/** A server process that a busy machine keeps from its drain is not killed over it. */
export const unhurried = { killGraceMs: 60_000 };

const usual = { PORT: '0', ADMIN_PORT: '0', WORKERS: '2', ...patient };

export function launch(options: StartOptions = {}): Launched {
  const { env = {}, args = [], timings, openFiles, detached = false } = options;
  const entry = options.entry ?? (timings === undefined ? main : timedMain);
  const inherited = { PATH: process.env.PATH, HOME: process.env.HOME, TIMINGS: JSON.stringify(timings) };
  const limit = openFiles === undefined ? [] : ['prlimit', `--nofile=${openFiles}:${openFiles}`];
  // It becomes the command that it starts: the process stays the same.
  const [command = '', ...words] = [...limit, process.execPath, entry, ...args];
  const child = spawn(command, words, {
    env: { ...inherited, ...usual, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached,
  });
  return watch(child);
}

/** Watches a process that prints the server's log on its standard output. */
export function watch(child: ChildProcess): Launched {
  const { pid } = child;
  if (pid === undefined) throw new Error('The process could not be started.');
  const lines: LogLine[] = [];
  const serverPids = new Set<number>();
  const waiters = new Set<() => void>();
  let stderr = '';
  let rest = '';
  let over = false;

  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      const line = parse(part);
      lines.push(line);
      if (typeof line.serverPid !== 'number') continue;
      if (String(line.msg).startsWith('server process exited')) serverPids.delete(line.serverPid);
      else serverPids.add(line.serverPid);
    }
    for (const waiter of [...waiters]) waiter();
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  // Where a test was given up on, nobody disposes: server processes leave by themselves then.
  const killAtExit = () => void child.kill('SIGKILL');
  process.once('exit', killAtExit);
  const exited = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('close', (code, signal) => {
      process.off('exit', killAtExit);
      over = true;
      for (const waiter of [...waiters]) waiter();
      resolve(code ?? signal ?? 'SIGKILL');
    });
  });

  function waitForLine(fits: (line: LogLine) => boolean): Promise<LogLine> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = lines.find(fits);
        if (found === undefined && !over) return;
        waiters.delete(look);
        if (found !== undefined) resolve(found);
        else reject(new Error(`ended without the line:\n${JSON.stringify(lines.slice(-20))}\n${stderr}`));
      };
      waiters.add(look);
      look();
    });
  }

  function signal(name: NodeJS.Signals, to: 'primary' | 'group' = 'primary'): void {
    process.kill(to === 'group' ? -Number(pid) : Number(pid), name);
  }

  async function dispose(): Promise<void> {
    if (!over) child.kill('SIGKILL');
    for (const server of serverPids) if (isServer(server)) kill(server);
    await exited;
  }

  return {
    pid,
    lines,
    stderr: () => stderr,
    waitForLine,
    signal,
    exited,
    stop(name = 'SIGTERM') {
      signal(name);
      return exited;
    },
    serverPids: () => [...serverPids].filter(isServer),
    muteOutput() {
      child.stdout?.destroy();
      child.stderr?.destroy();
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

function parse(text: string): LogLine {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : { text };
  } catch {
    return { text };
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It left meanwhile.
  }
}

/** Alive, and no zombie that waits to be reaped. Where there is no /proc: alive. */
function isServer(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return process.platform !== 'linux';
  }
}
