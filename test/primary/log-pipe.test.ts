// The log of a whole cluster on a pipe or a terminal whose reader stalls. Real pipes: a socket takes lines otherwise.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type Launched, type LogLine, patient, watch } from '../support/cluster.js';

const main = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
const settings = {
  PORT: '0',
  ADMIN_PORT: '0',
  WORKERS: '2',
  ACCESS_LOG: 'all',
  ...patient,
};
const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...settings };

/** Longer than what the system writes to a pipe in one piece (4 KiB). */
const longPath = `/${'x'.repeat(8_000)}`;

interface OnPipe extends Launched {
  readonly port: number;
  readonly reader: Socket;
  /** What was read so far, without the last line where that is not whole. */
  texts(): string[];
}

async function startOnPipe(): Promise<OnPipe> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-log-'));
  const path = join(folder, 'log');
  execFileSync('mkfifo', [path]);
  const { O_RDWR, O_RDONLY, O_NONBLOCK } = constants;
  const writer = openSync(path, O_RDWR | O_NONBLOCK);
  const reader = new Socket({ fd: openSync(path, O_RDONLY | O_NONBLOCK), readable: true, writable: false });
  const launched = watch(spawn(process.execPath, [main], { env, stdio: ['ignore', writer, 'pipe'] }));
  closeSync(writer);
  rmSync(folder, { recursive: true });
  let text = '';
  reader.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const texts = () => text.split('\n').slice(0, -1);
  await until(reader, () => texts().some((line) => parsed(line).msg === 'listening'));
  const listening = texts()
    .map(parsed)
    .find(({ msg }) => msg === 'listening');
  return { ...launched, port: Number(listening?.port), reader, texts };
}

function parsed(text: string): LogLine {
  return JSON.parse(text);
}

async function until(reader: Socket, condition: () => boolean): Promise<void> {
  while (!condition()) await once(reader, 'data');
}

/** @returns the statuses that were answered, and how often */
async function ask(port: number, path: string, times: number): Promise<Record<number, number>> {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const statuses: Record<number, number> = {};
  const one = async () => {
    const asked = request({ port, path, agent }).end();
    const [res] = await once(asked, 'response');
    res.resume();
    await once(res, 'end');
    statuses[res.statusCode] = (statuses[res.statusCode] ?? 0) + 1;
  };
  let left = times;
  const client = async () => {
    while (left-- > 0) await one();
  };
  await Promise.all(Array.from({ length: 16 }, client));
  agent.destroy();
  return statuses;
}

describe('where nobody reads the log', () => {
  it('serves on, keeps no more than a bound of it, and tells how many lines are missing once somebody reads', async () => {
    await using cluster = await startOnPipe();
    cluster.reader.pause();
    expect(await ask(cluster.port, longPath, 2_000)).toEqual({ 404: 2_000 });
    cluster.reader.resume();
    const isLast = (line: string) => line.includes('"path":"/livez"');
    // Its line may be dropped as well, while there is still much to read.
    while (!cluster.texts().some(isLast)) await ask(cluster.port, '/livez', 1);

    const kept = () => cluster.texts().filter((line) => parsed(line).path === longPath).length;
    const dropped = () => cluster.texts().reduce((sum, line) => sum + Number(parsed(line).dropped ?? 0), 0);
    // The other server process may have some of its lines behind that.
    await until(cluster.reader, () => kept() + dropped() >= 2_000);

    // 16 MB were to be written. The bound is 4 MiB; what the pipes and our reader hold comes on top.
    expect(kept()).toBeGreaterThan(100);
    expect(kept()).toBeLessThan(800);
    expect(await cluster.stop()).toBe(0);
  });

  it('ends when it is told to', async () => {
    await using cluster = await startOnPipe();
    cluster.reader.pause();
    expect(await ask(cluster.port, longPath, 800)).toEqual({ 404: 800 });
    expect(await cluster.stop()).toBe(0);
  });
});

it('lines of several processes are not mixed on one pipe, however long they are and however slowly they are read', async () => {
  await using cluster = await startOnPipe();
  const { reader } = cluster;
  const slow = () => {
    reader.pause();
    setTimeout(() => reader.resume(), 1);
  };
  reader.on('data', slow);
  await ask(cluster.port, longPath, 400);
  reader.off('data', slow).resume();
  const isLong = (text: string) => text.includes(longPath);
  await until(reader, () => cluster.texts().filter(isLong).length === 400);
  const lines = cluster.texts().map(parsed);
  expect(lines.filter(({ path }) => path === longPath)).toHaveLength(400);
  expect(new Set(lines.map((line) => line.process))).toEqual(new Set(['primary', 'server 1', 'server 2']));
});

it('server processes that take the place of others are in the log as well', async () => {
  await using cluster = await startOnPipe();
  const { reader, texts } = cluster;
  await ask(cluster.port, '/before', 20);
  const has = (part: string, times: number) => texts().filter((line) => line.includes(part)).length >= times;
  await until(reader, () => has('"/before"', 20));
  const pids = texts()
    .map(parsed)
    .flatMap(({ serverPid }) => (typeof serverPid === 'number' ? [serverPid] : []));
  for (const pid of new Set(pids)) process.kill(pid, 'SIGKILL');
  await until(reader, () => has('exited by SIGKILL', 2) && has('server process ready', 4));
  await ask(cluster.port, '/after', 20);
  await until(reader, () => has('"/after"', 20));
  expect(await cluster.stop()).toBe(0);
});

const hasTerminals = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0;

it.skipIf(!hasTerminals)('a terminal that is stopped does not stop the server', async () => {
  const child = spawn('script', ['-q', '-e', '-c', `exec ${process.execPath} ${main}`, '/dev/null'], {
    env,
    stdio: 'pipe',
  });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += String(chunk);
  });
  const exited = once(child, 'close');
  const port = () => /http:\/\/127\.0\.0\.1:(\d+)/.exec(text)?.[1];
  while (port() === undefined) await once(child.stdout, 'data');
  child.stdout.pause();
  expect(await ask(Number(port()), longPath, 800)).toEqual({ 404: 800 });
  child.stdin.write('\x03');
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  child.stdout.resume();
  expect((await exited)[0]).toBe(0);
});
