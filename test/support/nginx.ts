// The nginx that is installed, in front of a server: one process of its own, from a configuration in a folder of its own.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../bench/free-port.js';
import { nginxIn } from '../../bench/machines/nginx.js';

export const hasNginx = spawnSync('nginx', ['-v']).status === 0;
if (!hasNginx) console.warn('Skipped: tests behind nginx need it (Debian: apt-get install nginx-light).');

export interface Nginx {
  readonly port: number;
  [Symbol.asyncDispose](): Promise<void>;
}

/** @param http what stands in its `http` block: `PORT` is where it is to listen */
export async function startNginx(http: string): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-nginx-'));
  const port = await freePort();
  const args = nginxIn(folder, http.replaceAll('PORT', String(port)), { errors: 'warn', connections: 256 });
  const child = spawn('nginx', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const exited = once(child, 'exit');
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`nginx ended: ${said}`);
    await sleep(20);
  }
  return {
    port,
    async [Symbol.asyncDispose]() {
      await end(child, exited);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function end(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  child.kill('SIGTERM');
  await exited;
}

async function answers(port: number): Promise<boolean> {
  try {
    await fetch(`http://127.0.0.1:${port}/`);
    return true;
  } catch {
    return false;
  }
}
