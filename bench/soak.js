// `npm run soak -- --minutes N`: mixed traffic with clients that leave, while server processes are killed, aborted,
// frozen, reloaded, added and taken away. Prints its progress and, at the end, every loss with its cause and what
// memory and file descriptors did. Ends with 1 where a request was lost that no death explains, or where one of these
// grows.
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { endOnSignals } from './children.js';
import { millrace, serverProcesses, startServer } from './servers.js';
import { abuse } from './soak/abuse.js';
import { printReport } from './soak/report.js';
import { Samples } from './soak/samples.js';
import { startTraffic } from './soak/traffic.js';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, clients: { type: 'string', default: '18' } },
});
const minutes = Number(values.minutes);
const clients = Number(values.clients);
if (!(minutes > 0 && Number.isInteger(clients) && clients > 0)) {
  console.error('npm run soak -- [--minutes N] [--clients N]');
  process.exit(78);
}

endOnSignals();
const server = await startServer(
  millrace({
    ACCESS_LOG: 'off',
    // Two at least: while a single one is dead, nobody listens.
    WORKERS: String(Math.max(2, serverProcesses)),
    HEARTBEAT_TIMEOUT_MS: '5000',
    TASKS_DIR: fileURLToPath(new URL('./soak/tasks', import.meta.url)),
  }),
);
console.log(
  `${server.url}, ${server.processes().length - 1} server processes, ${clients} clients, ${minutes} minutes`,
);

const over = new AbortController();
/** @type {import('./soak/abuse.js').Abuse[]} */
const events = [];
/** @type {{ atMs: number }[]} */
const deaths = [];
const traffic = startTraffic(server, clients, deaths);
const samples = new Samples(server);
const abusing = abuse(server, events, deaths, over.signal);
const progress = setInterval(() => {
  samples.take();
  console.log(samples.line(traffic.counts(), events));
}, 10_000);

await delay(minutes * 60_000);
clearInterval(progress);
over.abort();
await abusing;
samples.take();
const counts = await traffic.stop();
process.kill(server.pid, 'SIGTERM');
const exitCode = await server.exited;
const clean = printReport({ counts, events, samples, exitCode, minutes });
process.exit(clean ? 0 : 1);
