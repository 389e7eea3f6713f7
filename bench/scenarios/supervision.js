// What ends and what comes back, and how soon: stops with connections of every kind, and server processes that die or
// freeze. Each on a server of its own. Times in ms, from the signal.
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { busyCall } from '../calls.js';
import { Connection, fits, requestBytes } from '../load/connection.js';
import { interleave } from '../rounds.js';
import { millrace, startServer } from '../servers.js';
import { lane, primary, server } from './depends-on.js';

const call = busyCall(25);
const heartbeatMs = 2_000;
const deadlineMs = 1_000;

/** @typedef {import('../servers.js').Server} Server */

/** @type {{ name: string, label: string, env?: Record<string, string>, run(server: Server): Promise<number> }[]} */
const variants = [
  { name: 'idle-stop', label: 'SIGTERM with 200 idle connections: exit', run: stopIdle },
  {
    name: 'busy-stop',
    label: 'SIGTERM with 16 calls running and queued: exit, all 16 answered',
    run: stopBusy,
  },
  {
    name: 'half-sent',
    label: `SIGTERM with half a request, SHUTDOWN_TIMEOUT_MS=${deadlineMs}: exit`,
    env: { SHUTDOWN_TIMEOUT_MS: String(deadlineMs) },
    run: stopHalfSent,
  },
  {
    name: 'killed',
    label: 'kill -9 of a server process: ready again',
    run: (server) => replaced(server, 'SIGKILL'),
  },
  {
    name: 'frozen',
    label: `SIGSTOP of a server process, HEARTBEAT_TIMEOUT_MS=${heartbeatMs}: ready again`,
    env: { HEARTBEAT_TIMEOUT_MS: String(heartbeatMs) },
    run: (server) => replaced(server, 'SIGSTOP'),
  },
  {
    name: 'aborted',
    label: 'a task that takes its server process along: ready again',
    env: { TASKS_DIR: fileURLToPath(new URL('../soak/tasks', import.meta.url)) },
    run: aborted,
  },
];

/** @type {import('./scenario.js').Scenario} */
export const supervision = {
  name: 'supervision',
  title: 'Stops and replacements',
  sources: [...primary, ...server, ...lane],
  rounds: 3,
  async run({ rounds, say }) {
    const measured = await interleave({ rounds, variants, say }, async ({ env, run }) => {
      const server = await startServer(millrace(env));
      try {
        return { tookMs: await run(server) };
      } finally {
        await server.close();
      }
    });
    return { settings: { heartbeatMs, deadlineMs }, variants: measured };
  },
  table: ({ variants: results }) => ({
    columns: ['what happens', 'after'],
    rows: Object.values(results).map(({ label, values }) => [label, { metric: values.tookMs, unit: 'ms' }]),
  }),
};

/** @param {Server} server */
async function stopIdle(server) {
  const sockets = await Promise.all(Array.from({ length: 200 }, () => opened(server)));
  const tookMs = await stopped(server, 0);
  for (const socket of sockets) socket.destroy();
  return tookMs;
}

/** @param {Server} server */
async function stopBusy(server) {
  const answers = Array.from({ length: 16 }, () =>
    new Connection(server).request(requestBytes(call.request)),
  );
  await delay(50);
  const tookMs = await stopped(server, 0);
  for (const { status, body } of await Promise.all(answers)) {
    if (status !== 200 || !fits(body, call.expected)) throw new Error('a call was lost');
  }
  return tookMs;
}

/** @param {Server} server */
async function stopHalfSent(server) {
  const socket = await opened(server);
  socket.write('GET / HTTP/1.1\r\nHost:');
  await delay(50);
  return stopped(server, 0);
}

/** @param {Server} server */
function aborted(server) {
  const connection = new Connection(server);
  return untilReady(server, () => {
    // It gets no answer: that is what happens.
    connection.request(requestBytes({ method: 'POST', path: '/abort', body: '{}' })).catch(() => undefined);
  });
}

/** @param {Server} server @param {NodeJS.Signals} signal */
function replaced(server, signal) {
  const [, victim] = server.processes();
  if (victim === undefined) throw new Error('there is no server process');
  return untilReady(server, () => process.kill(victim, signal));
}

/** From the blow until another server process is ready. @param {Server} server @param {() => void} strike */
async function untilReady(server, strike) {
  const ready = server.said(({ msg }) => msg === 'server process ready');
  const fromMs = performance.now();
  strike();
  await ready;
  return performance.now() - fromMs;
}

/** @param {Server} server @param {number} expectedCode */
async function stopped(server, expectedCode) {
  const fromMs = performance.now();
  process.kill(server.pid, 'SIGTERM');
  const code = await server.exited;
  if (code !== expectedCode) throw new Error(`it ended with ${code}`);
  return performance.now() - fromMs;
}

/** @param {Server} server @returns {Promise<import('node:net').Socket>} */
function opened({ host, port }) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host, () => resolve(socket));
    socket.on('error', reject);
    socket.on('connect', () => socket.off('error', reject).on('error', () => undefined));
  });
}
