// Open-loop load: requests begin when a timetable says so, whether or not earlier ones were answered, and a latency
// counts from that moment. A closed loop would ask a slow server less often and so hide how slow it is.
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { latencySummary, slowest } from '../statistics.js';
import { Connection, fits, requestBytes } from './connection.js';

/** Requests still open this long after the last one was sent are counted as unanswered, at that age. */
const patienceMs = 10_000;
const maxConnections = 4_000;

/**
 * @typedef {object} OpenLoopSettings
 * @property {{ host: string, port: number }} target
 * @property {number} perSecond
 * @property {number} warmMs at the begin, not counted
 * @property {number} durationMs
 */
/** @typedef {import('./kinds.js').Call & OpenLoopSettings} OpenLoopJob */

/** @param {OpenLoopJob} job */
export async function openLoop(job) {
  const bytes = requestBytes(job.request);
  /** @type {Connection[]} */
  const connections = [];
  /** @type {Record<'accepted' | 'refused' | 'expired' | 'lateness', number[]>} */
  const { accepted, refused, expired, lateness } = { accepted: [], refused: [], expired: [], lateness: [] };
  let wrong = 0;
  let failed = 0;
  let completedInTime = 0;
  /** Those that count, with the moment they were due. @type {Map<symbol, number | undefined>} */
  const pending = new Map();
  const fromMs = performance.now() + 20;
  const countFromMs = fromMs + job.warmMs;
  const untilMs = countFromMs + job.durationMs;

  /** @param {number} dueMs */
  async function send(dueMs) {
    const counts = dueMs >= countFromMs;
    if (counts) lateness.push(performance.now() - dueMs);
    const connection = take();
    if (connection === undefined) {
      failed++;
      return;
    }
    const key = Symbol('request');
    pending.set(key, counts ? dueMs : undefined);
    try {
      const { status, body } = await connection.request(bytes);
      const nowMs = performance.now();
      if (status === (job.expected.status ?? 200)) {
        if (!fits(body, job.expected)) wrong++;
        if (nowMs >= countFromMs && nowMs < untilMs) completedInTime++;
        if (counts) accepted.push(nowMs - dueMs);
      } else if (status === 503 || status === 504) {
        if (counts) (status === 503 ? refused : expired).push(nowMs - dueMs);
      } else failed++;
    } catch {
      if (pending.has(key)) failed++;
    }
    pending.delete(key);
  }

  function take() {
    const idle = connections.find((one) => one.free);
    if (idle !== undefined) return idle;
    for (let i = connections.length - 1; i >= 0; i--) if (!connections[i]?.isOpen) connections.splice(i, 1);
    if (connections.length >= maxConnections) return undefined;
    const fresh = new Connection(job.target);
    connections.push(fresh);
    return fresh;
  }

  await timetable({ fromMs, untilMs, perSecond: job.perSecond }, send);
  const giveUpMs = performance.now() + patienceMs;
  while (pending.size > 0 && performance.now() < giveUpMs) await delay(10);
  const nowMs = performance.now();
  const unanswered = [...pending.values()].filter((dueMs) => dueMs !== undefined);
  for (const dueMs of unanswered) accepted.push(nowMs - dueMs);
  pending.clear();
  for (const connection of connections) connection.close();
  return {
    accepted: latencySummary(accepted),
    /** 503: at arrival. */
    refused: latencySummary(refused),
    /** 504: accepted, and then its deadline passed. */
    expired: latencySummary(expired),
    slowest: slowest(accepted),
    unanswered: unanswered.length,
    completedPerSecond: (completedInTime * 1_000) / job.durationMs,
    latenessMs: latencySummary(lateness),
    wrong,
    failed,
  };
}

/**
 * Calls `send` with each due time of a Poisson process; a thread keeps the time, to 0.1 ms.
 * @param {{ fromMs: number, untilMs: number, perSecond: number }} times
 * @param {(dueMs: number) => Promise<void>} send
 */
async function timetable(times, send) {
  const ticker = new Worker(new URL('./ticker.js', import.meta.url), {
    workerData: { ...times, originMs: performance.timeOrigin },
  });
  await new Promise((resolve, reject) => {
    ticker.on('message', (dueMs) => void send(dueMs));
    ticker.on('error', reject);
    ticker.on('exit', resolve);
  });
}
