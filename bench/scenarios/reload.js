// Reloads under load: 18 clients, three reloads, and how many requests got no answer.
import { light } from '../calls.js';
import { load } from '../load/load.js';
import { installPm2 } from '../pm2-install.js';
import { interleave } from '../rounds.js';
import { millrace, peer, startServer } from '../servers.js';
import { peers, primary, server } from './depends-on.js';

/**
 * @typedef {object} Reloaded
 * @property {string} name
 * @property {string} label
 * @property {import('../servers.js').ServerSpec} spec
 * @property {() => void} [end] what the server leaves behind
 */

/** @type {Reloaded[]} */
const variants = [
  { name: 'millrace', label: 'millrace', spec: millrace() },
  { name: 'textbook', label: 'node:http cluster, textbook reload', spec: peer('node-http') },
];

/** @type {import('./scenario.js').Scenario} */
export const reload = {
  name: 'reload',
  title: 'Three reloads under 18 clients',
  sources: [...primary, ...server, ...peers],
  rounds: 3,
  async run({ quick, rounds, say, previous }) {
    const settings = { clients: 18, reloads: quick ? 1 : 3 };
    const pm2 = quick ? undefined : await pm2Variant(say);
    const all = pm2 ? [...variants, pm2] : variants;
    const measured = await interleave({ rounds, variants: all, say }, ({ spec, end }) =>
      reloadUnderLoad(spec, settings, say).finally(end),
    );
    return { settings, variants: pm2 ? measured : { ...measured, ...kept(previous) } };
  },
  table: ({ variants: results }) => ({
    columns: ['server', 'requests lost', 'answered'],
    rows: Object.values(results).map(({ label, measured, values }) => [
      measured ? `${label} (on ${measured})` : label,
      { metric: values.lost },
      { metric: values.answered },
    ]),
  }),
};

/**
 * Each server says in its own words that a reload is over.
 * @param {import('../servers.js').Server} server @param {number} times
 */
async function reloadTimes(server, times) {
  for (let i = 0; i < times; i++) {
    const over = server.said(({ msg, reloaded }) => msg === 'reload completed' || reloaded === true);
    process.kill(server.pid, 'SIGHUP');
    await over;
  }
}

/**
 * @param {import('../servers.js').ServerSpec} spec
 * @param {{ clients: number, reloads: number }} settings
 * @param {(text: string) => void} say
 */
async function reloadUnderLoad(spec, { clients, reloads }, say) {
  const server = await startServer(spec);
  try {
    const target = { host: server.host, port: server.port };
    const job = { ...light, target, clients, warmMs: 0, durationMs: 120_000 };
    const old = server.processes();
    const reloaded = reloadTimes(server, reloads);
    const [{ lost, answered, errors }] = await Promise.all([load('closedLoop', job, reloaded), reloaded]);
    const remaining = server.processes().filter((pid) => old.includes(pid));
    if (lost > 0) say(`lost with ${server.url}: ${JSON.stringify(errors)}`);
    if (remaining.length > 1) throw new Error('a server process was not replaced');
    return { lost, answered };
  } finally {
    await server.close();
  }
}

/** @param {(text: string) => void} say @returns {Promise<Reloaded | undefined>} */
async function pm2Variant(say) {
  say('npm fetches PM2');
  try {
    const { version, env, end } = await installPm2();
    return { name: 'pm2', label: `PM2 ${version} cluster, graceful`, spec: peer('pm2', env), end };
  } catch (error) {
    console.log(`  PM2 could not be had, its row is an earlier run's: ${String(error).split('\n')[0]}`);
    return undefined;
  }
}

/**
 * PM2's row of the result before, with its date.
 * @param {import('../results.js').Result | undefined} previous
 * @returns {import('../rounds.js').Results}
 */
function kept(previous) {
  const row = previous?.variants.pm2;
  if (previous === undefined || row === undefined) return {};
  const date = previous.machine.date.slice(0, 10);
  return { pm2: { measured: date, ...row } };
}
