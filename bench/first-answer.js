// How long a server takes from its start to its first answer to a light request, as a client sees it that asks from the
// start. It may be given before the server says that all its processes listen.
import { setTimeout as delay } from 'node:timers/promises';
import { light } from './calls.js';
import { freePort } from './free-port.js';
import { Connection, fits, requestBytes } from './load/connection.js';
import { startServer } from './servers.js';

const askEveryMs = 2;

/**
 * @param {import('./servers.js').ServerSpec} spec
 * @returns {Promise<{ server: import('./servers.js').Server, firstAnswerMs: number }>} once all its processes listen
 */
export async function startAnswering(spec) {
  const port = await freePort();
  const ended = new AbortController();
  const startMs = performance.now();
  const starting = startServer({ ...spec, env: { ...spec.env, PORT: String(port) } });
  starting.catch(() => ended.abort());
  const answered = askFor(port, ended.signal).then(() => performance.now() - startMs);
  const server = await starting;
  return { server, firstAnswerMs: await answered };
}

/** @param {number} port @param {AbortSignal} signal */
async function askFor(port, signal) {
  while (!signal.aborted) {
    const connection = new Connection({ host: '127.0.0.1', port });
    const answer = await connection.request(requestBytes(light.request)).catch(() => undefined);
    connection.close();
    if (answer !== undefined) {
      if (answer.status !== 200 || !fits(answer.body, light.expected)) throw new Error('a wrong answer');
      return;
    }
    await delay(askEveryMs);
  }
}
