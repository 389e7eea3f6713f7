// Many open connections, few of which have a request in flight at a time: each request goes to the one that has rested
// longest. It also looks at the server's processes itself, at the moments when the crowd has come and when a measurement
// begins and ends: nobody else knows these.
import { setTimeout as delay } from 'node:timers/promises';
import { mainThreadMs, residentMb } from '../process-tree.js';
import { Connection, fits, requestBytes } from './connection.js';

/** Connections that are opened at a time: fewer than a server's backlog holds. */
const openedAtOnce = 64;
/** Fewer answers tell nothing. */
const leastAnswers = 500;
/** Those that are there, and busy, before the memory of the others is looked at. */
const vanguard = 10;

/**
 * @typedef {object} Phase
 * @property {string} name
 * @property {readonly import('./kinds.js').Call['request'][]} requests one after the other
 * @property {import('./kinds.js').Call['expected']} expected
 * @property {number} inFlight
 * @property {number} [warmRequests] at least so many before it counts
 */

/**
 * @typedef {object} CrowdSettings
 * @property {{ host: string, port: number }} target
 * @property {number} connections each with an address of its own, where the system allows it
 * @property {readonly number[]} pids the server processes
 * @property {readonly Phase[]} phases one after the other, on the same connections; the first one's requests open them
 * @property {number} warmMs at the begin of each phase, not counted
 * @property {number} durationMs of each phase, or until `leastAnswers` are there
 */

/** @param {CrowdSettings} job */
export async function crowd({ target, connections: wanted, pids, phases, warmMs, durationMs }) {
  /** @type {Connection[]} */
  const resting = [];
  let wrong = 0;
  const loopMs = () => pids.reduce((sum, pid) => sum + mainThreadMs(pid), 0);
  const memoryMb = () => pids.reduce((sum, pid) => sum + residentMb(pid), 0);

  /** @param {Connection} connection @param {Buffer} bytes @param {import('./kinds.js').Call['expected']} expected */
  async function ask(connection, bytes, expected) {
    const { status, body } = await connection.request(bytes);
    if (status !== (expected.status ?? 200)) throw new Error(`status ${status}: ${body}`);
    if (!fits(body, expected)) wrong++;
    resting.push(connection);
  }

  /** @param {number} upTo @param {Phase} phase */
  async function open(upTo, { requests, expected }) {
    const bytes = requestBytes(requests[0] ?? { path: '/' });
    let next = resting.length;
    async function opener() {
      while (next < upTo) await ask(new Connection({ ...target, ...addressOf(next++) }), bytes, expected);
    }
    await Promise.all(Array.from({ length: openedAtOnce }, opener));
  }

  /** @param {Phase} phase @param {number} forMs @param {boolean} [isLast] @returns {Promise<{ answered: number, loopMs: number }>} */
  async function measure({ requests, expected, inFlight, warmRequests = 0 }, forMs, isLast = false) {
    const bytes = requests.map(requestBytes);
    let asked = 0;
    let answered = 0;
    let isOver = false;

    async function client() {
      while (!isOver) {
        const connection = resting.shift();
        const request = bytes[asked++ % bytes.length];
        if (connection === undefined || request === undefined) throw new RangeError('no connection rests');
        await ask(connection, request, expected);
        answered++;
      }
    }

    const clients = Promise.all(Array.from({ length: inFlight }, client));
    // Told where it is waited for; until then it must not end this process.
    clients.catch(() => undefined);
    await Promise.race([clients, delay(warmMs)]);
    while (answered < warmRequests) await Promise.race([clients, delay(10)]);
    const before = { answered, loopMs: loopMs() };
    await Promise.race([clients, delay(forMs)]);
    while (forMs > 0 && answered - before.answered < leastAnswers) await Promise.race([clients, delay(10)]);
    const measured = { answered: answered - before.answered, loopMs: loopMs() - before.loopMs };
    isOver = true;
    // The next phase has all connections again.
    if (!isLast) await clients;
    return measured;
  }

  const [first] = phases;
  if (first === undefined) throw new RangeError('there is nothing to measure');
  await open(Math.min(vanguard, wanted), first);
  await measure({ ...first, inFlight: Math.min(vanguard, wanted) }, 0);
  const withoutMb = memoryMb();
  await open(wanted, first);
  await delay(500);
  const idleMb = memoryMb() - withoutMb;
  /** @type {Record<string, { answered: number, loopUs: number }>} */
  const results = {};
  for (const phase of phases) {
    const { answered, loopMs: usedMs } = await measure(phase, durationMs, phase === phases.at(-1));
    results[phase.name] = { answered, loopUs: (usedMs * 1_000) / answered };
  }
  return { phases: results, idleMb, memoryMb: memoryMb(), wrong };
}

/** @param {number} number */
function addressOf(number) {
  if (process.platform !== 'linux') return {};
  return { localAddress: `127.1.${Math.floor(number / 250)}.${(number % 250) + 1}` };
}
