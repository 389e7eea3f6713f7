// HOST=unix:/path: a socket file in place of a port.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfig } from '#src/config.js';
import { serve } from '#src/library/serve.js';
import { type Cluster, launch, startCluster } from '../support/cluster.js';
import { hasNginx, startNginx } from '../support/nginx.js';
import { type OneShot, oneShot } from '../support/one-shot.js';
import { startTraffic } from '../support/traffic.js';

const operations = new URL('../../docs/operations.md', import.meta.url);

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-socket-'));
  path = join(folder, 'millrace.sock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Got {
  readonly status: number | undefined;
  readonly body: string;
}

function get(target: string, headers: Readonly<Record<string, string>> = {}): Promise<Got> {
  return new Promise((resolve, reject) => {
    const req = request({ socketPath: path, path: target, headers, agent: false }, (res) => {
      let body = '';
      res.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      res.once('end', () => resolve({ status: res.statusCode, body }));
    });
    req.once('error', reject).end();
  });
}

async function reload(cluster: Cluster): Promise<void> {
  cluster.signal('SIGHUP');
  await cluster.waitForLine(({ msg }) => msg === 'reload completed');
}

describe('a server at a socket file', () => {
  it.each(['rr', 'none'])(
    'says where it is, keeps the file through a reload, and has deleted it when it ends (%s)',
    async (policy) => {
      await using cluster = await startCluster({
        env: { HOST: `unix:${path}`, NODE_CLUSTER_SCHED_POLICY: policy },
      });
      expect(cluster.lines.at(-1)).toMatchObject({ url: `unix:${path}`, socket: path, port: null });
      const made = lstatSync(path);
      expect(made.isSocket()).toBe(true);
      expect(made.mode & 0o777).toBe(0o660);
      expect(await get('/hash?algorithm=md5&data=abc')).toMatchObject({ status: 200 });
      const traffic = startTraffic(path, 8, [
        { method: 'GET', path: '/' },
        { method: 'POST', path: '/compute', body: '{"operation":"primes","limit":20000}' },
      ]);
      await reload(cluster);
      while (traffic.answered() <= 100) await sleep(20);
      const { losses } = await traffic.stop();
      expect(losses).toEqual({});
      expect(lstatSync(path).ino).toBe(made.ino);
      expect(await (await fetch(`${cluster.adminUrl}/status`)).json()).toMatchObject({
        primary: { state: 'ready' },
      });
      expect(await cluster.stop()).toBe(0);
      expect(existsSync(path)).toBe(false);
    },
  );
});

it('loses nobody who has connected before a stop', async () => {
  await using cluster = await startCluster({ env: { HOST: `unix:${path}` } });
  const outcomes = new Map<OneShot, number>();
  const count = (outcome: OneShot): number => outcomes.get(outcome) ?? 0;
  const clients = Array.from({ length: 32 }, async () => {
    let outcome: OneShot;
    do {
      outcome = await oneShot(path);
      outcomes.set(outcome, count(outcome) + 1);
    } while (outcome !== 'refused');
  });
  while (count(200) < 300) await sleep(10);
  expect(await cluster.stop()).toBe(0);
  await Promise.all(clients);
  expect([...outcomes.keys()].sort()).toEqual([200, 'refused']);
});

it('takes the place of a server that was killed, and no second one takes its own', async () => {
  const env = { HOST: `unix:${path}`, WORKERS: '1', SOCKET_MODE: '600' };
  await using first = await startCluster({ env });
  process.kill(first.pid, 'SIGKILL');
  await first.exited;
  expect(lstatSync(path).isSocket()).toBe(true);
  await using second = await startCluster({ env });
  expect(await get('/livez')).toMatchObject({ status: 200 });
  expect(lstatSync(path).mode & 0o777).toBe(0o600);
  await using third = launch({ env });
  expect(await third.exited).toBe(78);
  expect(third.stderr()).toBe(
    `millrace: HOST must be free, but another program listens at ${path} (EADDRINUSE)\n`,
  );
  expect(await get('/livez')).toMatchObject({ status: 200 });
  // Forced, it has no time for anything but that.
  const held = get('/io/delay?ms=60000').catch(() => undefined);
  await get('/livez');
  second.signal('SIGTERM');
  await second.waitForLine(({ msg }) => msg === 'stopping');
  await sleep(150);
  second.signal('SIGTERM');
  expect(await second.exited).toBe(1);
  await held;
  expect(existsSync(path)).toBe(false);
});

it('deletes no file but its own when it ends', async () => {
  await using cluster = await startCluster({ env: { HOST: `unix:${path}`, WORKERS: '1' } });
  rmSync(path);
  const next = createServer().listen(path);
  await once(next, 'listening');
  try {
    expect(await cluster.stop()).toBe(0);
    expect(existsSync(path)).toBe(true);
  } finally {
    next.close();
  }
});

describe('a path that cannot be used is one line and exit code 78:', () => {
  const long = 'x'.repeat(120);
  it.each([
    ['a file that is no socket', () => writeFileSync(path, 'precious'), 'is a file of another kind'],
    ['a folder', () => mkdirSync(path), 'is a folder'],
    ['a link, even to a socket', () => symlinkSync('elsewhere', path), 'is a file of another kind'],
    ['a missing folder', () => rmSync(folder, { recursive: true }), 'in a folder that is there'],
    ['too long a path', () => (path += long), 'at most 107 bytes, not one of'],
  ])('%s', async (_what, prepare, reason) => {
    prepare();
    await using cluster = launch({ env: { HOST: `unix:${path}` } });
    expect(await cluster.exited).toBe(78);
    expect(cluster.stderr()).toMatch(/^millrace: HOST must .*\n$/);
    expect(cluster.stderr()).toContain(reason);
    if (reason.includes('another kind')) expect(lstatSync(path).isSocket()).toBe(false);
  });

  it('a folder that this user may not write to', async (context) => {
    if (process.getuid?.() !== 0) context.skip('only root can run a program as another user');
    chmodSync(folder, 0o755);
    const main = new URL('../../dist/src/main.js', import.meta.url).pathname;
    if (!isOpenToOthers(main)) context.skip('another user cannot read this checkout');
    const program = `process.setuid(65534); process.argv[1] = ${JSON.stringify(main)}; await import(${JSON.stringify(main)});`;
    const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
      env: { PATH: process.env.PATH, HOST: `unix:${path}`, ADMIN_PORT: 'off' },
    });
    await expect(run).rejects.toMatchObject({
      code: 78,
      stderr: expect.stringMatching(/^millrace: HOST must name a path where this user may make .*\(EACCES\)/),
    });
  });

  it.each(['unix:', 'unix:\0'])('%j', (host) => {
    expect(() => readConfig({ HOST: host })).toThrow('HOST must be a name, an address, or unix:');
  });
});

/** Whether other users may enter each folder on the way to it. */
function isOpenToOthers(file: string): boolean {
  for (let at = dirname(file); at !== '/'; at = dirname(at))
    if ((statSync(at).mode & 0o001) === 0) return false;
  return true;
}

describe('a client at a socket file', () => {
  const clientsOf = ({ lines }: Cluster): unknown[] =>
    lines.filter(({ msg }) => msg === 'request').map(({ client }) => client);
  const env = { WORKERS: '1', ACCESS_LOG: 'all', ADMIN_PORT: 'off' };

  it.each([
    [{}, ['unknown', 'unknown']],
    [{ TRUST_PROXY: '1' }, ['203.0.113.1', '203.0.113.2']],
    [{ TRUST_PROXY: '10.0.0.0/8' }, ['203.0.113.1', '203.0.113.2']],
  ])('with %j is who the proxy says, if that is believed', async (trust, clients) => {
    await using cluster = await startCluster({ env: { ...env, ...trust, HOST: `unix:${path}` } });
    await get('/', { 'X-Forwarded-For': '198.51.100.9, 203.0.113.1' });
    await get('/', { 'X-Forwarded-For': '198.51.100.9, 203.0.113.2' });
    expect(await cluster.stop()).toBe(0);
    expect(clientsOf(cluster)).toEqual(clients);
  });

  it.skipIf(!hasNginx)('behind nginx keeps its address, and loses nothing in a reload', async () => {
    await using cluster = await startCluster({
      env: { ...env, WORKERS: '2', HOST: `unix:${path}`, TRUST_PROXY: '1' },
    });
    const documented = /```nginx\n([\s\S]*?)```/.exec(readFileSync(operations, 'utf8'))?.[1] ?? '';
    await using nginx = await startNginx(
      documented.replace('/run/millrace/millrace.sock', path).replace('listen 80', 'listen 127.0.0.1:PORT'),
    );
    const traffic = startTraffic(nginx.port, 8, [
      { method: 'GET', path: '/' },
      { method: 'POST', path: '/hash', body: '{"algorithm":"sha256","data":"abc"}' },
    ]);
    await reload(cluster);
    expect(await traffic.stop()).toMatchObject({ losses: {} });
    expect(new Set(clientsOf(cluster))).toEqual(new Set(['127.0.0.1']));
    expect(await cluster.stop()).toBe(0);
  });
});

it('serves a program at a socket file, too', async () => {
  const served = await serve({
    ...{ host: `unix:${path}`, adminPort: 'off', workers: 1, logLevel: 'silent' },
    ...{ poolNice: 0, bootTimeoutMs: 60_000 },
  });
  expect(served).toMatchObject({ url: `unix:${path}`, socket: path });
  expect(await get('/')).toMatchObject({ status: 200 });
  expect(await served.close()).toBe(0);
  expect(existsSync(path)).toBe(false);
});

it('leaves nothing else beside the file', async () => {
  await using cluster = await startCluster({ env: { HOST: `unix://${path}`, WORKERS: '1' } });
  expect(cluster.url).toBe(`unix:${path}`);
  expect(readdirSync(folder)).toEqual(['millrace.sock']);
});
