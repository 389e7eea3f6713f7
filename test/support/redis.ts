// Redis as a process of its own, on a free port, in a folder of its own: Debian's redis-server. Where there is none, the
// tests that need it are skipped, and say so.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from '../../bench/free-port.js';
import { freeNeighbours } from './free-port.js';

export const hasRedis = isInstalled('redis-server', '--version', 'jobs on Redis');
/** What makes the certificate of a Redis with TLS. */
export const hasOpenssl = isInstalled('openssl', 'version', 'jobs on Redis over TLS');

function isInstalled(program: string, asked: string, tests: string): boolean {
  try {
    execFileSync(program, [asked], { stdio: 'ignore' });
    return true;
  } catch {
    console.log(`There is no ${program}: the tests of ${tests} are skipped.`);
    return false;
  }
}

export interface TestRedis {
  readonly port: number;
  readonly url: string;
  readonly process: ChildProcess;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Again on the same port, with what is in its folder. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export async function startRedis(...settings: readonly string[]): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-redis-'));
  const port = await freePort();
  let server = await launch();

  async function launch(): Promise<ChildProcess> {
    const args = [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--dir',
      folder,
      '--save',
      '',
      '--appendonly',
      'yes',
    ];
    const child = spawn('redis-server', [...args, ...settings], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    for await (const chunk of child.stdout) {
      said += chunk;
      if (said.includes('Ready to accept connections')) break;
    }
    if (!said.includes('Ready to accept')) throw new Error(`redis-server did not start: ${said}`);
    // What it says later is read, too: a full pipe would stop it.
    child.stdout.resume();
    return child;
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.kill(signal);
    await once(server, 'exit');
  }

  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    get process() {
      return server;
    },
    kill: () => end('SIGKILL'),
    async restart() {
      server = await launch();
    },
    async close() {
      await end('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** One that also listens with TLS, and whose certificate is its own authority. */
export async function startTlsRedis(): Promise<{
  readonly redis: TestRedis;
  /** `rediss://…` */
  readonly url: string;
  /** The file of its certificate. */
  readonly certificate: string;
  close(): Promise<void>;
}> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-redis-tls-'));
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const told = ['-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  execFileSync('openssl', [...made, ...told, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
  const port = String(await freePort());
  const files = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', certificate];
  const redis = await startRedis('--tls-port', port, '--tls-auth-clients', 'no', ...files);
  return {
    redis,
    url: `rediss://127.0.0.1:${port}`,
    certificate,
    async close() {
      await redis.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The cable to it, which can be cut: then nothing comes or goes any more. */
export interface Cable {
  readonly port: number;
  /** Once what it is to be cut at was to be sent. */
  readonly hasCutItself: Promise<void>;
  cut(): Promise<void>;
}

/** @param cutAt cuts itself instead of sending this */
export async function cableTo(port: number, cutAt?: string): Promise<Cable> {
  let cutsItself: () => void = () => undefined;
  const hasCutItself = new Promise<void>((resolve) => {
    cutsItself = resolve;
  });
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    }
    // Before it is piped: what is destroyed here is not written any more.
    near.on('data', (chunk: Buffer) => {
      if (cutAt === undefined || !chunk.includes(cutAt)) return;
      cut();
      cutsItself();
    });
    near.pipe(far).pipe(near);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  function cut(): void {
    server.close();
    for (const socket of sockets) socket.destroy();
  }
  return {
    port: (server.address() as AddressInfo).port,
    hasCutItself,
    async cut() {
      cut();
    },
  };
}

/** Three nodes of a cluster, all slots given away, every node knowing it. */
export async function startRedisCluster(): Promise<{ readonly url: string; close(): Promise<void> }> {
  const nodes: TestRedis[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.close()));
  };
  try {
    // The bus would be at the port + 10,000, which is none for most free ones. Nobody is given such a one meanwhile.
    const buses = [await freeNeighbours(), await freeNeighbours(), await freeNeighbours()];
    for (const bus of buses)
      nodes.push(await startRedis('--cluster-enabled', 'yes', '--cluster-port', String(bus)));
    const clients = nodes.map(({ port }) => new Redis(port, '127.0.0.1'));
    const [first] = clients;
    for (const [i, client] of clients.entries()) {
      const [from, to] = [Math.floor((16_384 * i) / 3), Math.floor((16_384 * (i + 1)) / 3) - 1];
      await client.call('CLUSTER', 'ADDSLOTSRANGE', from, to);
      await client.call('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
    }
    const isUp = async (client: Redis): Promise<boolean> =>
      String(await client.call('CLUSTER', 'INFO')).includes('cluster_state:ok');
    for (let looks = 0; !(await Promise.all(clients.map(isUp))).every(Boolean); looks++) {
      // Again and again: who has no core for a while forgets whom it was to meet.
      if (looks % 100 === 0)
        for (const [i, { port }] of nodes.slice(1).entries())
          await first?.call('CLUSTER', 'MEET', '127.0.0.1', port, buses[i + 1] ?? 0);
      await pause(50);
    }
    for (const client of clients) client.disconnect();
  } catch (error) {
    await close();
    throw error;
  }
  return { url: `redis://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`, close };
}
