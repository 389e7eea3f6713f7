// Starts a server to be measured, ours or a peer, in a process of its own, and ends it with all its children.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpus } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { keepTrack, killAll } from './children.js';
import { environmentWith } from './environment.js';
import { cpuTimeMs, processTree } from './process-tree.js';

/** Server processes of every cluster that is compared. */
export const serverProcesses = cpus().length;

/**
 * @typedef {object} ServerSpec
 * @property {string} file
 * @property {Record<string, string>} env
 */

/** Ours, with every setting at its default but the ports. @param {Record<string, string>} [env] @returns {ServerSpec} */
export function millrace(env = {}) {
  const ports = { PORT: '0', ADMIN_PORT: '0', WORKERS: String(serverProcesses) };
  return { file: '../dist/src/main.js', env: { ...ports, ...env } };
}

/** @param {string} name a file in peers/ @param {Record<string, string>} [env] @returns {ServerSpec} */
export function peer(name, env = {}) {
  return { file: `./peers/${name}.js`, env: { PROCESSES: String(serverProcesses), ...env } };
}

/** A server that has not said so by then never will. */
const startDeadlineMs = 60_000;

/**
 * @typedef {object} Server
 * @property {string} url
 * @property {string} adminUrl ours only; empty where there is none
 * @property {string} host
 * @property {number} port
 * @property {number} pid
 * @property {Promise<number | null>} exited its exit code
 * @property {(fits: (line: LogLine) => boolean) => Promise<LogLine>} said resolves with the first line from now on that fits
 * @property {() => number[]} processes the pids of its tree, its own first
 * @property {() => number} cpuTimeMs of all its tree
 * @property {() => Promise<void>} close
 */
/** @typedef {Record<string, unknown>} LogLine */

/**
 * Resolves when the server says on its standard output, in JSON, at which `url` all its processes listen.
 * @param {ServerSpec} spec
 * @returns {Promise<Server>}
 */
export async function startServer({ file, env }) {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = keepTrack(
    spawn(process.execPath, [path], { env: environmentWith(env), stdio: ['ignore', 'pipe', 'inherit'] }),
  );
  const { pid = -1 } = child;
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    const entry = parse(line);
    if (entry === undefined || Number(entry.level) >= 50) console.error(line);
  });

  /** @type {Server['said']} */
  function said(fits) {
    return new Promise((resolve, reject) => {
      lines.on('line', (line) => {
        const entry = parse(line);
        if (entry !== undefined && fits(entry)) resolve(entry);
      });
      exited.then(([code]) => reject(new Error(`${file} ended with ${code}`)), reject);
    });
  }

  const late = new AbortController();
  const { url, adminUrl } = await Promise.race([
    said((entry) => entry.url !== undefined),
    delay(startDeadlineMs, undefined, { signal: late.signal }).then(() => {
      killAll(processTree(pid));
      throw new Error(`${file} did not listen within ${startDeadlineMs / 1_000} s`);
    }),
  ]).finally(() => late.abort());
  const { hostname, port } = new URL(String(url));
  return {
    url: String(url),
    adminUrl: String(adminUrl ?? ''),
    host: hostname,
    port: Number(port),
    pid,
    exited: exited.then(([code]) => code),
    said,
    processes: () => processTree(pid),
    cpuTimeMs: () => cpuTimeMs(processTree(pid)),
    async close() {
      const pids = processTree(pid);
      child.kill('SIGTERM');
      // What a peer still has in its endless queue is not waited for.
      await Promise.race([exited, delay(3_000)]);
      killAll(pids);
      await exited;
    },
  };
}

/** @param {string} line @returns {LogLine | undefined} */
function parse(line) {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
