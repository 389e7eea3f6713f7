// An even stream of requests that does not wait for its answers, as that of many clients: what hangs holds up nobody else.
// Each call has an id, and writes it down where it runs: so it is known what ran, and how often.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { publicUrl } from './balancers.js';

const postsPerSecond = 60;
const readsPerSecond = 20;
/** One POST in twelve has a body of 20 kB. */
const filler = 'x'.repeat(20_000);

/**
 * @typedef {object} Sent
 * @property {'POST' | 'GET'} method
 * @property {string} id
 * @property {string} outcome the status, or the error's code
 * @property {number} atMs when it was sent
 * @property {number} tookMs
 */

/** @param {string} folder for the list of what ran */
export function startLoad(folder) {
  const file = `${folder}/runs`;
  rmSync(file, { force: true });
  const agent = new Agent({ keepAlive: true });
  /** @type {Promise<Sent>[]} */
  const sent = [];
  const tick = 1_000 / (postsPerSecond + readsPerSecond);
  const beganMs = performance.now();
  let isOver = false;
  const sending = (async () => {
    for (let turn = 0; !isOver; turn++) {
      const id = `call-${turn}`;
      if (turn % 4 === 3) sent.push(send(agent, 'GET', '/light', id));
      else {
        const input = { ms: 5, file, id, ...(turn % 16 === 0 && { filler }) };
        sent.push(send(agent, 'POST', '/count', id, JSON.stringify(input)));
      }
      await delay(Math.max(0, beganMs + (turn + 1) * tick - performance.now()));
    }
  })();

  return {
    /** No more is sent. Resolves once all is answered. */
    async stop() {
      isOver = true;
      await sending;
      const all = await Promise.all(sent);
      agent.destroy();
      const ran = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
      return accountOf(all, ran);
    },
  };
}

/** @param {readonly Sent[]} sent @param {readonly string[]} ran */
export function accountOf(sent, ran) {
  /** @type {Map<string, number>} */
  const times = new Map();
  for (const id of ran) times.set(id, (times.get(id) ?? 0) + 1);
  const isLost = (/** @type {Sent} */ { outcome }) => outcome !== '200';
  const lost = sent.filter(isLost);
  const posts = sent.filter(({ method }) => method === 'POST');
  /** @type {Record<string, number>} */
  const outcomes = {};
  for (const { method, outcome } of lost)
    outcomes[`${method} ${outcome}`] = (outcomes[`${method} ${outcome}`] ?? 0) + 1;
  return {
    sent: sent.length,
    lostPosts: lost.filter(({ method }) => method === 'POST').length,
    lostReads: lost.filter(({ method }) => method === 'GET').length,
    outcomes,
    ranTwice: [...times.values()].filter((count) => count > 1).length,
    answeredNotRun: posts.filter((one) => !isLost(one) && !times.has(one.id)).length,
    slowestMs: Math.round(Math.max(...sent.map(({ tookMs }) => tookMs))),
    slow: sent.filter(({ tookMs }) => tookMs > 1_000).length,
  };
}

/** @param {Agent} agent @param {Sent['method']} method @param {string} path @param {string} id @param {string} [body] @returns {Promise<Sent>} */
function send(agent, method, path, id, body) {
  const atMs = performance.now();
  return new Promise((resolve) => {
    const end = (/** @type {string} */ outcome) =>
      resolve({ method, id, outcome, atMs, tookMs: performance.now() - atMs });
    const headers =
      body === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const req = request(`${publicUrl}${path}`, { agent, method, headers }, (res) => {
      res.resume();
      res.once('end', () => end(String(res.statusCode)));
      res.once('error', (error) => end(codeOf(error)));
    });
    req.once('error', (error) => end(codeOf(error)));
    req.end(body);
  });
}

/** @param {Error} error */
function codeOf(error) {
  return 'code' in error ? String(error.code) : error.message;
}
