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

/** Resolves when the server says on its standard output, in JSON, at which `url` all its processes listen. */
export async function startServer({ file, env }) {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = keepTrack(
    spawn(process.execPath, [path], { env: environmentWith(env), stdio: ['ignore', 'pipe', 'inherit'] }),
  );
  const exited = once(child, 'exit');
  const lines = createInterface(child.stdout);
  lines.on('line', (line) => {
    const entry = parse(line);
    if (entry === undefined || entry.level >= 50) console.error(line);
  });

  /** Resolves with the first line from now on that fits. */
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
      killAll(processTree(child.pid));
      throw new Error(`${file} did not listen within ${startDeadlineMs / 1_000} s`);
    }),
  ]).finally(() => late.abort());
  return {
    url,
    /** Ours only. */
    adminUrl,
    host: new URL(url).hostname,
    port: Number(new URL(url).port),
    pid: child.pid,
    /** Its exit code. */
    exited: exited.then(([code]) => code),
    said,
    processes: () => processTree(child.pid),
    cpuTimeMs: () => cpuTimeMs(processTree(child.pid)),
    async close() {
      const pids = processTree(child.pid);
      child.kill('SIGTERM');
      // What a peer still has in its endless queue is not waited for.
      await Promise.race([exited, delay(3_000)]);
      killAll(pids);
      await exited;
    },
  };
}

function parse(line) {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
