// The soak's clients: half of them keep their connections, half open a new one for each request, and now and then one
// leaves before its answer. Every request is accounted for.
import { Agent, request } from 'node:http';
import { pseudoRandom } from '../pseudo-random.js';

const json = { 'content-type': 'application/json' };
const bytes = { 'content-type': 'application/octet-stream' };
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
/** Connections that a killed process held may be noticed this much later. */
const noticeMs = 1_000;

/**
 * @param {{ host: string, port: number }} server
 * @param {{ type: string, atMs: number }[]} events what is done to the server meanwhile; grows
 */
export function startTraffic({ host, port }, clients, events) {
  const counts = { requests: 0, answered: 0, left: 0, refused: 0, lostToKills: 0, unexplained: new Map() };
  let going = true;

  async function client(number) {
    const agent = new Agent({ keepAlive: number % 2 === 0, maxSockets: 1 });
    const random = pseudoRandom(number + 1);
    while (going) {
      const ask = asks[Math.floor(random() * asks.length)];
      const leaveAfterMs = random() < 1 / leaveEvery ? random() * 20 : undefined;
      const startedMs = performance.now();
      count(await send({ host, port, agent, ...ask }, leaveAfterMs), ask, startedMs);
    }
    agent.destroy();
  }

  function count(outcome, ask, startedMs) {
    counts.requests++;
    if (outcome === 'left') counts.left++;
    else if (outcome === '200') counts.answered++;
    // Too much at once, told at arrival with Retry-After: that is no loss.
    else if (outcome === '503 OVERLOADED') counts.refused++;
    else if (!/^\d/.test(outcome) && wasKilled(startedMs)) counts.lostToKills++;
    else unexplained(outcome, ask);
  }

  /** Whether a server process was killed while the request was under way, or just before. */
  function wasKilled(startedMs) {
    return events.some(({ type, atMs }) => type === 'kill' && atMs > startedMs - noticeMs);
  }

  function unexplained(outcome, { method, path }) {
    const what = `${method} ${path}: ${outcome}`;
    counts.unexplained.set(what, (counts.unexplained.get(what) ?? 0) + 1);
  }

  const all = Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  return {
    counts: () => counts,
    async stop() {
      going = false;
      await all;
      return counts;
    },
  };
}

/** The status, with the code of an error; `left`; or how the connection broke. Never rejects. */
function send({ body, ...options }, leaveAfterMs) {
  return new Promise((resolve) => {
    const req = request(options, async (res) => {
      let text = '';
      try {
        for await (const chunk of res.setEncoding('latin1')) text += chunk;
        const code = res.statusCode === 200 ? undefined : /"code":"(\w+)"/.exec(text)?.[1];
        resolve(code === undefined ? `${res.statusCode}` : `${res.statusCode} ${code}`);
      } catch (error) {
        resolve(error.code ?? error.message);
      }
      clearTimeout(timer);
    });
    const timer = setTimeout(() => {
      resolve(leaveAfterMs === undefined ? `no answer within ${patienceMs} ms` : 'left');
      req.destroy();
    }, leaveAfterMs ?? patienceMs);
    req.once('error', (error) => {
      clearTimeout(timer);
      resolve(error.code ?? error.message);
    });
    req.end(body);
  });
}
