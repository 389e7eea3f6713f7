// Reloads under load: 18 clients, three reloads, and how many requests got no answer.
import { light } from '../calls.js';
import { load } from '../load/load.js';
import { interleave } from '../rounds.js';
import { millrace, peer, startServer } from '../servers.js';

const variants = [
  { name: 'millrace', label: 'millrace', spec: millrace() },
  { name: 'textbook', label: 'node:http cluster, textbook reload', spec: peer('node-http') },
  // npm i -g pm2: it is no dependency of this project (35 MB for one figure). PM2 names its executable otherwise.
  ...(process.env.PM2 === undefined
    ? []
    : [{ name: 'pm2', label: 'PM2 cluster, graceful', spec: peer('pm2', { PM2: process.env.PM2 }) }]),
];

export const reload = {
  name: 'reload',
  title: 'Three reloads under 18 clients',
  rounds: 3,
  async run({ quick, rounds, say }) {
    const settings = { clients: 18, reloads: quick ? 1 : 3 };
    const measured = await interleave({ rounds, variants, say }, async ({ spec }) => {
      const server = await startServer(spec);
      try {
        const target = { host: server.host, port: server.port };
        const job = { ...light, target, clients: settings.clients, warmMs: 0, durationMs: 120_000 };
        const old = server.processes();
        const reloaded = reloadTimes(server, settings.reloads);
        const [{ lost, latency, errors }] = await Promise.all([load('closedLoop', job, reloaded), reloaded]);
        const kept = server.processes().filter((pid) => old.includes(pid));
        if (lost > 0) say(`lost with ${server.url}: ${JSON.stringify(errors)}`);
        if (kept.length > 1) throw new Error('a server process was not replaced');
        return { lost, answered: latency.count };
      } finally {
        await server.close();
      }
    });
    return { settings, variants: measured };
  },
  table: ({ variants: results }) => ({
    columns: ['server', 'requests lost', 'answered'],
    rows: Object.values(results).map(({ label, values }) => [
      label,
      { metric: values.lost },
      { metric: values.answered },
    ]),
  }),
};

/** Each server says in its own words that a reload is over. */
async function reloadTimes(server, times) {
  for (let i = 0; i < times; i++) {
    const over = server.said(({ msg, reloaded }) => msg === 'reload completed' || reloaded === true);
    process.kill(server.pid, 'SIGHUP');
    await over;
  }
}
