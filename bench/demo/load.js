// Keeps eight CPU calls going, of a kind that takes some 25 ms, and small hashes beside them. Bounded: the next call is
// sent when the last has been answered. Tells what it counted when it is asked.
import { request } from 'node:http';

const [, , url] = process.argv;
const heavy = { path: '/compute', body: { operation: 'primes', limit: 3_000_000 }, lanes: 8, pauseMs: 0 };
const light = { path: '/hash', body: { algorithm: 'sha256', data: 'millrace' }, lanes: 2, pauseMs: 20 };
/** After a refusal, or while the server restarts. */
const failurePauseMs = 200;

let calls = 0;
let failed = 0;
const beganMs = performance.now();

for (const kind of [heavy, light]) {
  for (let i = 0; i < kind.lanes; i++) void keepCalling(kind);
}

/** @param {{ path: string, body: object, pauseMs: number }} kind */
async function keepCalling({ path, body, pauseMs }) {
  for (;;) {
    const ok = await call(path, body);
    if (ok) calls++;
    else failed++;
    await new Promise((resolve) => setTimeout(resolve, ok ? pauseMs : failurePauseMs));
  }
}

/**
 * On a connection of its own, so that calls spread over the server processes, also after one was replaced.
 * @param {string} path @param {object} body @returns {Promise<boolean>} whether it was answered with 200
 */
function call(path, body) {
  return new Promise((resolve) => {
    const headers = { 'Content-Type': 'application/json' };
    const sent = request(new URL(path, url), { method: 'POST', agent: false, headers }, (response) => {
      response.resume().on('close', () => resolve(response.complete && response.statusCode === 200));
    });
    sent.on('error', () => resolve(false)).end(JSON.stringify(body));
  });
}

process.on('message', () => {
  process.send?.({ calls, failed, seconds: (performance.now() - beganMs) / 1_000 });
});
process.on('disconnect', () => process.exit());
process.on('SIGINT', () => undefined);
