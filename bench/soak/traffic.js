// The soak's clients: half of them keep their connections, half open a new one for each request, and now and then one
// leaves before its answer. Every request is accounted for.
import { Agent, request } from 'node:http';
import { pseudoRandom } from '../pseudo-random.js';
import { explain } from './losses.js';

const json = { 'content-type': 'application/json' };
const bytes = { 'content-type': 'application/octet-stream' };
/** @typedef {{ method: string, path: string, headers?: Record<string, string>, body?: string | Buffer }} Ask */
/** @typedef {ReturnType<ReturnType<typeof startTraffic>['counts']>} Counts */

/** @type {readonly Ask[]} */
const asks = [
  { method: 'GET', path: '/' },
  { method: 'GET', path: '/io/delay?ms=20' },
  { method: 'POST', path: '/hash', headers: json, body: '{"algorithm":"sha256","data":"abc"}' },
  { method: 'GET', path: '/compute/primes?limit=200000' },
  { method: 'GET', path: '/livez' },
  { method: 'POST', path: '/io/echo', headers: json, body: JSON.stringify({ text: 'x'.repeat(2_000) }) },
  { method: 'POST', path: '/hash?algorithm=sha512', headers: bytes, body: Buffer.alloc(200_000, 1) },
  { method: 'POST', path: '/hash', headers: json, body: '{"algorithm":"bcrypt","data":"secret","rounds":6}' },
  { method: 'GET', path: '/compute/pi?digits=2000' },
];

/** One request in so many is given up by its client. */
const leaveEvery = 40;
/** A request that had to wait for longer than this is lost, whatever may still come. */
const patienceMs = 20_000;
const noAnswer = `no answer within ${patienceMs} ms`;
/**
 * @param {{ host: string, port: number }} server
 * @param {number} clients
 * @param {{ atMs: number }[]} deaths of server processes meanwhile; grows
 */
export function startTraffic({ host, port }, clients, deaths) {
  const counts = { requests: 0, answered: 0, left: 0, refused: 0 };
  /** @type {{ what: string, broke: boolean, startedMs: number, endedMs: number }[]} */
  const losses = [];
  let going = true;

  /** @param {number} number */
  async function client(number) {
    const agent = new Agent({ keepAlive: number % 2 === 0, maxSockets: 1 });
    const random = pseudoRandom(number + 1);
    while (going) {
      const ask = asks[Math.floor(random() * asks.length)];
      if (ask === undefined) continue;
      const leaveAfterMs = random() < 1 / leaveEvery ? random() * 20 : undefined;
      const startedMs = performance.now();
      count(await send({ host, port, agent, ...ask }, leaveAfterMs), ask, startedMs);
    }
    agent.destroy();
  }

  /** @param {string} outcome @param {Ask} ask @param {number} startedMs */
  function count(outcome, ask, startedMs) {
    counts.requests++;
    if (outcome === 'left') counts.left++;
    else if (outcome === '200') counts.answered++;
    // Too much at once, told at arrival with Retry-After: that is no loss.
    else if (outcome === '503 OVERLOADED') counts.refused++;
    else {
      const what = `${ask.method} ${ask.path}: ${outcome}`;
      const broke = !/^\d/.test(outcome) && outcome !== noAnswer;
      losses.push({ what, broke, startedMs, endedMs: performance.now() });
    }
  }

  /** Deaths are told a moment later than they are felt, so losses are explained when somebody asks. */
  function report() {
    return { ...counts, ...explain(losses, deaths, clients) };
  }

  const all = Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  return {
    counts: report,
    async stop() {
      going = false;
      await all;
      return report();
    },
  };
}

/**
 * The status, with the code of an error; `left`; or how the connection broke. Never rejects.
 * @param {Ask & { host: string, port: number, agent: Agent }} ask @param {number | undefined} leaveAfterMs
 * @returns {Promise<string>}
 */
function send({ body, ...options }, leaveAfterMs) {
  return new Promise((resolve) => {
    const req = request(options, async (res) => {
      let text = '';
      try {
        for await (const chunk of res.setEncoding('latin1')) text += chunk;
        const code = res.statusCode === 200 ? undefined : /"code":"(\w+)"/.exec(text)?.[1];
        resolve(code === undefined ? `${res.statusCode}` : `${res.statusCode} ${code}`);
      } catch (error) {
        resolve(breakOf(error));
      }
      clearTimeout(timer);
    });
    const timer = setTimeout(() => {
      resolve(leaveAfterMs === undefined ? noAnswer : 'left');
      req.destroy();
    }, leaveAfterMs ?? patienceMs);
    req.once('error', (error) => {
      clearTimeout(timer);
      resolve(breakOf(error));
    });
    req.end(body);
  });
}

/** @param {unknown} error */
function breakOf(error) {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? String(error.code) : error.message;
}
