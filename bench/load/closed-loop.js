// Closed-loop load of a few clients: each sends its next request when it has its answer. For keeping calls in flight;
// where the server's own cost is measured autocannon does it (saturating.js).
import { latencySummary } from '../statistics.js';
import { Connection, fits, requestBytes } from './connection.js';

/**
 * @typedef {object} ClosedLoopSettings
 * @property {{ host: string, port: number }} target
 * @property {number} clients each with an address of its own (127.0.0.x), where the system allows it
 * @property {number} [firstAddress] the last part of the first client's
 * @property {number} warmMs at the begin, not counted
 * @property {number} durationMs
 * @property {boolean} [reconnect] a new connection for every request
 */
/** @typedef {import('./kinds.js').Call & ClosedLoopSettings} ClosedLoopJob */

/**
 * @param {ClosedLoopJob} job
 * @param {Promise<unknown>} [stopped] ends it earlier
 */
export async function closedLoop(job, stopped) {
  const bytes = requestBytes(job.request);
  const countFromMs = performance.now() + job.warmMs;
  let untilMs = countFromMs + job.durationMs;
  void stopped?.then(() => {
    untilMs = performance.now();
  });
  /** @type {number[]} */
  const latencies = [];
  /** @type {Map<string, number>} */
  const servers = new Map();
  /** @type {Map<string, number>} */
  const errors = new Map();
  /** When the request of each client that waits was sent. @type {Map<number, number>} */
  const waiting = new Map();
  let answered = 0;
  let wrong = 0;
  let lost = 0;

  /** @param {number} number */
  async function client(number) {
    let connection = open(number);
    while (performance.now() < untilMs) {
      const sentMs = performance.now();
      waiting.set(number, sentMs);
      try {
        const { status, body } = await connection.request(bytes);
        const nowMs = performance.now();
        if (status !== 200) throw new Error(`status ${status}`);
        if (!fits(body, job.expected)) wrong++;
        if (nowMs >= countFromMs && nowMs < untilMs) {
          waiting.delete(number);
          answered++;
          latencies.push(nowMs - sentMs);
          if (body.startsWith(pidText)) servers.set(body, (servers.get(body) ?? 0) + 1);
        }
      } catch (error) {
        // What is cut off because the measurement is over is no loss.
        if (performance.now() >= untilMs) break;
        lost++;
        const message = error instanceof Error ? error.message : String(error);
        errors.set(message, (errors.get(message) ?? 0) + 1);
      }
      if (job.reconnect) connection.close();
      if (!connection.isOpen || job.reconnect) connection = open(number);
    }
    connection.close();
  }

  /** @param {number} number */
  function open(number) {
    const localAddress =
      process.platform === 'linux' ? { localAddress: `127.0.0.${(job.firstAddress ?? 2) + number}` } : {};
    return new Connection({ ...job.target, ...localAddress });
  }

  const clients = Array.from({ length: job.clients }, (_, number) => client(number));
  // An answer that comes after the end is not waited for longer than this.
  const ended = new Promise((resolve) => setTimeout(resolve, job.warmMs + job.durationMs + 200));
  await Promise.race([Promise.all(clients), ended]);
  // What is not answered has waited at least this long. Left out, the slowest would be missing.
  for (const sentMs of waiting.values()) if (sentMs < untilMs) latencies.push(untilMs - sentMs);
  return {
    answered,
    perSecond: (answered * 1_000) / (untilMs - countFromMs),
    latency: latencySummary(latencies),
    busiestShare: Math.max(0, ...servers.values()) / answered,
    wrong,
    lost,
    errors: Object.fromEntries(errors),
  };
}

/** How a light answer begins; what follows tells the server processes apart. */
const pidText = 'hello from server ';
