// HAProxy and nginx, each by its very file of deploy/, in front of the machines `one` and `two`; a third one is added to it.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { keepTrack } from '../children.js';
import { nginxIn } from './nginx.js';

const deploy = new URL('../../deploy/', import.meta.url);

/** Where both listen. */
export const publicUrl = 'http://10.77.0.1:8080';

/** @typedef {{ name: string, address: string }} Place */
/**
 * @typedef {object} Balancer
 * @property {() => Promise<void>} close
 */

/** @type {Record<string, { version: readonly string[], start: (places: readonly Place[], folder: string) => string[] }>} */
export const balancers = {
  haproxy: {
    version: ['haproxy', '-v'],
    start(places, folder) {
      const file = join(folder, 'haproxy.cfg');
      writeFileSync(file, withMachines('haproxy/haproxy.cfg', places));
      return ['haproxy', '-db', '-f', file];
    },
  },
  nginx: {
    version: ['nginx', '-v'],
    start(places, folder) {
      const http = withMachines('nginx/millrace.conf', places);
      return ['nginx', ...nginxIn(folder, http, { errors: 'crit', connections: 4_096 })];
    },
  },
};

/** @param {string} name */
export function isHere(name) {
  const [program = '', ...args] = balancers[name]?.version ?? [];
  return spawnSync(program, args).error === undefined;
}

/** Started once it serves. @param {string} name @param {readonly Place[]} places @param {string} root @returns {Promise<Balancer>} */
export async function startBalancer(name, places, root) {
  const folder = join(root, name);
  mkdirSync(folder, { recursive: true });
  const [program = '', ...args] = balancers[name]?.start(places, folder) ?? [];
  const child = keepTrack(spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] }));
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said = (said + text).slice(-4_000);
  });
  const exited = once(child, 'exit');
  while (!(await serves())) {
    if (child.exitCode !== null) throw new Error(`${name} ended: ${said}`);
    await delay(50);
  }
  return {
    async close() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** By machine, of those that take POSTs; HAProxy only. @returns {Promise<Record<string, number>>} */
export async function weights() {
  const text = await (await fetch('http://127.0.0.1:8405/metrics')).text();
  const found = text.matchAll(/^haproxy_server_weight\{proxy="millrace",server="(\w+)"\} (\d+)/gm);
  return Object.fromEntries([...found].map(([, name = '', weight]) => [name, Number(weight)]));
}

/**
 * As the files say: their addresses are replaced; what stands for `two` stands for each further machine.
 * @param {string} file @param {readonly Place[]} places
 */
function withMachines(file, places) {
  return readFileSync(new URL(file, deploy), 'utf8').replaceAll(/^ *server (one|two)\b.*$/gm, (line, own) =>
    (own === 'one' ? places.slice(0, 1) : places.slice(1))
      .map(({ name, address }) => line.replace(`${own}:`, `${address}:`).replace(`${own} `, `${name} `))
      .join('\n'),
  );
}

async function serves() {
  try {
    return (await fetch(`${publicUrl}/readyz`)).status === 200;
  } catch {
    return false;
  }
}
