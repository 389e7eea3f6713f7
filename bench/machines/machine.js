// A server on a machine of its own: the settings are those of deploy/systemd/millrace.env, but for one server process and
// one thread, so that little fills it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { keepTrack, killAll } from '../children.js';
import { environmentWith } from '../environment.js';
import { processTree } from '../process-tree.js';

const main = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
/** Its task `count` keeps a thread for as long as it is told, by sleeping, and writes down that it ran. */
const app = fileURLToPath(new URL('../../test/fixtures/apps/balanced/app.js', import.meta.url));

const settings = Object.fromEntries(
  readFileSync(new URL('../../deploy/systemd/millrace.env', import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split('=', 2)),
);

/**
 * @typedef {object} Machine
 * @property {string} name
 * @property {string} url
 * @property {number} pid
 * @property {import('./network.js').Host} host
 * @property {() => Promise<void>} reload
 * @property {() => Promise<unknown>} stop
 * @property {() => Promise<unknown>} kill the whole tree at once
 */

/** @param {import('./network.js').Host} host @returns {Promise<Machine>} */
export async function startMachine(host) {
  const [command, args] = host.command(process.execPath, [main]);
  const child = keepTrack(
    spawn(command, args, {
      env: environmentWith({ ...settings, APP: app, WORKERS: '1', POOL_MAX_THREADS: '1', ACCESS_LOG: 'off' }),
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
  const { pid = -1 } = child;
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  /** @param {string} wanted */
  const said = (wanted) =>
    new Promise((resolve, reject) => {
      lines.on('line', (line) => {
        if (line.includes(`"msg":"${wanted}"`)) resolve(undefined);
      });
      exited.then(() => reject(new Error(`${host.name} ended`)), reject);
    });
  await said('listening');
  return {
    name: host.name,
    url: `http://${host.address}:3000`,
    pid,
    host,
    async reload() {
      const completed = said('reload completed');
      process.kill(pid, 'SIGHUP');
      await completed;
    },
    stop() {
      process.kill(pid, 'SIGTERM');
      return exited;
    },
    kill() {
      killAll(processTree(pid));
      return exited;
    },
  };
}

/**
 * Keeps it full by long calls of its own clients, until it is let go: behind one that runs there is room only for what would
 * wait less than QUEUE_MAX_WAIT_MS.
 * @param {Machine} machine
 */
export async function keepFull(machine) {
  const leaving = new AbortController();
  async function client() {
    while (!leaving.signal.aborted) {
      await post(machine.url, { ms: 20_000 }, leaving.signal).catch(() => {});
      if (!leaving.signal.aborted) await delay(20);
    }
  }
  const clients = [client(), client()];
  while ((await post(machine.url, { ms: 20_000 }, leaving.signal)).status !== 503) await delay(20);
  return async () => {
    leaving.abort();
    await Promise.all(clients);
    // The thread of a cancelled call is replaced.
    while ((await post(machine.url, { ms: 0 })).status !== 200) await delay(100);
  };
}

/** @param {string} url @param {object} input @param {AbortSignal} [signal] */
export function post(url, input, signal) {
  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(input),
  };
  return fetch(`${url}/count`, signal === undefined ? init : { ...init, signal });
}
