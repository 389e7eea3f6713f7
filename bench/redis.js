// A Redis of its own for what is measured: redis-server on a free port, in a folder of its own, set up as docs/jobs.md says.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atEnd, keepTrack } from './children.js';
import { freePort } from './free-port.js';

export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

/** @returns {Promise<{ port: number, url: string, close(): Promise<void> }>} */
export async function startRedis() {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-redis-'));
  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  atEnd(removeFolder);
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder];
  const kept = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec'];
  const child = keepTrack(
    spawn('redis-server', [...args, ...kept], { stdio: ['ignore', 'pipe', 'inherit'] }),
  );
  const exited = once(child, 'exit');
  let said = '';
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    said += chunk;
    if (said.includes('Ready to accept connections')) break;
  }
  if (!said.includes('Ready to accept')) throw new Error(`redis-server did not start: ${said}`);
  // What it says later is read, too: a full pipe would stop it.
  child.stdout.resume();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    async close() {
      child.kill('SIGKILL');
      await exited;
      removeFolder();
    },
  };
}
