// The balancers of deploy/, as they are, with nothing replaced but addresses: real processes on free ports.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../bench/free-port.js';
import { startNginx as startAnyNginx } from './nginx.js';

/** A machine behind it, by the names `one` and `two` in turn. */
export interface Machine {
  readonly port: number;
  readonly agentPort: number;
}

export interface Balancer {
  readonly url: string;
  /** By machine, of those that take POSTs; undefined: this one has no agent. */
  readonly weights: (() => Promise<Record<string, number>>) | undefined;
  dispose(): Promise<void>;
}

export type StartBalancer = (machines: readonly Machine[]) => Promise<Balancer>;

export const deployFolder = fileURLToPath(new URL('../../deploy', import.meta.url));

/** Whether the program is here. Says so where it is not. */
export function has(program: string, ...args: string[]): boolean {
  const isHere = spawnSync(program, args).error === undefined;
  if (!isHere) console.warn(`Skipped: ${program} is not here (Debian: apt-get install ${program}).`);
  return isHere;
}

const names = ['one', 'two'];

export const startHaproxy: StartBalancer = async (machines) => {
  const [port, metricsPort] = [await freePort(), await freePort()];
  const config = machines.reduce(
    (text, machine, index) =>
      text.replaceAll(
        new RegExp(`server ${names[index]} ${names[index]}:3000`, 'g'),
        `server ${names[index]} 127.0.0.1:${machine.port} agent-port ${machine.agentPort}`,
      ),
    readFileSync(join(deployFolder, 'haproxy/haproxy.cfg'), 'utf8')
      .replace('bind :8080', `bind 127.0.0.1:${port}`)
      .replace('127.0.0.1:8405', `127.0.0.1:${metricsPort}`),
  );
  const folder = mkdtempSync(join(tmpdir(), 'haproxy-'));
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, config);
  const child = spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  return {
    ...(await started(child, port, folder)),
    async weights() {
      const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
      const found = text.matchAll(/^haproxy_server_weight\{proxy="millrace",server="(\w+)"\} (\d+)/gm);
      return Object.fromEntries([...found].map(([, name = '', weight]) => [name, Number(weight)]));
    },
  };
};

export const startNginx: StartBalancer = async (machines) => {
  const site = machines.reduce(
    (text, machine, index) => text.replaceAll(`${names[index]}:3000`, `127.0.0.1:${machine.port}`),
    readFileSync(join(deployFolder, 'nginx/millrace.conf'), 'utf8').replace(
      'listen 8080',
      'listen 127.0.0.1:PORT',
    ),
  );
  const nginx = await startAnyNginx(site);
  return {
    url: `http://127.0.0.1:${nginx.port}`,
    weights: undefined,
    dispose: () => nginx[Symbol.asyncDispose](),
  };
};

async function started(
  child: ChildProcess,
  port: number,
  folder: string,
): Promise<Omit<Balancer, 'weights'>> {
  let stderr = '';
  let over = false;
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const exited = new Promise<void>((resolve) => {
    child.once('close', () => {
      over = true;
      resolve();
    });
  });
  const url = `http://127.0.0.1:${port}`;
  // It sees that both are there, or serves them at once.
  while (!over && !(await answers(url))) await sleep(50);
  if (over) throw new Error(`the balancer ended:\n${stderr}`);
  return {
    url,
    async dispose() {
      child.kill('SIGTERM');
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`)).status === 200;
  } catch {
    return false;
  }
}
