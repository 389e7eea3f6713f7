// What one of something costs as there are more of them: open connections, calls that wait, tasks, server processes on
// the same cores. A cost that stays the same is linear in all.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { busyCall, light } from '../calls.js';
import { atEnd } from '../children.js';
import { costPerRequest } from '../cost.js';
import { Connection, requestBytes } from '../load/connection.js';
import { load } from '../load/load.js';
import { residentMb } from '../process-tree.js';
import { interleave } from '../rounds.js';
import { saturatedCall } from '../saturated.js';
import { millrace, peer, serverProcesses, startServer } from '../servers.js';
import { median } from '../statistics.js';
import { lane, peers, primary, server } from './depends-on.js';

const holdTasks = fileURLToPath(new URL('../tasks/', import.meta.url));
const modules = fileURLToPath(new URL('../../node_modules/', import.meta.url));
const patient = { QUEUE_MAX_WAIT_MS: '3600000', POOL_MAX_QUEUE: '20000', TASK_TIMEOUT_MS: '3600000' };
const hold = { method: 'POST', path: '/hold', body: '{}' };
const refused = { requests: [hold], expected: { status: 503 } };

const shortCall = busyCall(0.25);

/** What keeps few requests in flight on many connections. */
const fewInFlight = 10;

/**
 * @typedef {object} Point
 * @property {string} name
 * @property {string} label
 * @property {number} size
 * @property {(point: Point, times: Times) => Promise<Record<string, number>>} measure
 * @property {boolean} [slow]
 */
/** @typedef {{ warmMs: number, durationMs: number }} Times */

/**
 * @param {string} name @param {string} label @param {readonly number[]} sizes
 * @param {Point['measure']} measure
 * @returns {Point[]}
 */
function points(name, label, sizes, measure) {
  return sizes.map((size, place) => ({
    name: `${name}-${size}`,
    label: `${size.toLocaleString('en-GB')} ${label}`,
    size,
    measure,
    slow: place > 1,
  }));
}

const crowds = [10, 1_000, 10_000];

/** @type {{ name: string, points: Point[], metrics: readonly Metric[] }[]} */
const curves = [
  {
    name: 'connections',
    points: points('connections', 'open connections', crowds, overConnections),
    metrics: [
      { metric: 'lightUs', label: 'event loop per light request', unit: 'µs' },
      { metric: 'refusalUs', label: 'event loop per refusal', unit: 'µs' },
    ],
  },
  {
    name: 'node',
    points: points('node', 'open connections, bare node:http', crowds, overNodeConnections),
    metrics: [{ metric: 'lightUs', label: 'event loop per light request', unit: 'µs' }],
  },
  {
    name: 'waiting',
    points: points('waiting', 'calls of 0.25 ms in flight, each of another client', crowds, overWaiting),
    metrics: [{ metric: 'callUs', label: 'event loop per call', unit: 'µs' }],
  },
  {
    name: 'tasks',
    points: points('tasks', 'task files', [3, 30, 300], overTasks),
    metrics: [
      { metric: 'callUs', label: 'event loop per call', unit: 'µs' },
      { metric: 'startMs', label: 'until the server listens', unit: 'ms', isTotal: true },
      { metric: 'processMb', label: 'memory of a server process', unit: 'MiB', isTotal: true },
    ],
  },
  {
    name: 'processes',
    points: points('processes', `server processes on ${serverProcesses} cores`, [2, 4, 8, 16], overProcesses),
    metrics: [
      { metric: 'lightUs', label: 'CPU per light request', unit: 'µs' },
      { metric: 'callsPerSecond', label: 'calls of 25 ms per second', unit: '', isRate: true },
      { metric: 'totalMb', label: 'memory in all', unit: 'MiB', isTotal: true },
    ],
  },
  {
    name: 'node-processes',
    points: points(
      'node-processes',
      `processes on ${serverProcesses} cores, bare node:http`,
      [2, 16],
      overNodeProcesses,
    ),
    metrics: [{ metric: 'lightUs', label: 'CPU per light request', unit: 'µs' }],
  },
];

/**
 * @typedef {object} Metric
 * @property {string} metric
 * @property {string} label
 * @property {string} unit
 * @property {boolean} [isTotal] of all of them; otherwise of one
 * @property {boolean} [isRate] more is better
 */

/** @param {Point} point @param {Times} times */
async function overConnections({ size }, times) {
  const env = { TASKS_DIR: holdTasks, ...patient, POOL_MAX_THREADS: '1', POOL_MAX_QUEUE: '1' };
  return withServer(millrace(env), async (server) => {
    const held = await fill(server);
    try {
      const { phases, idleMb } = await load('crowd', {
        ...target(server),
        ...times,
        connections: size,
        phases: [
          { name: 'light', requests: [light.request], expected: light.expected, inFlight: fewInFlight },
          { name: 'refusal', ...refused, inFlight: fewInFlight },
        ],
      });
      return {
        lightUs: phases.light?.loopUs ?? Number.NaN,
        refusalUs: phases.refusal?.loopUs ?? Number.NaN,
        ...(size > fewInFlight && { connectionKb: (idleMb * 1_024) / (size - fewInFlight) }),
      };
    } finally {
      for (const connection of held) connection.close();
    }
  });
}

/**
 * Holds the thread of each server process and fills its queue, on connections that are dealt out in turn.
 * @param {import('../servers.js').Server} server
 */
async function fill({ host, port, adminUrl }) {
  const bytes = requestBytes(hold);
  // One that runs and one that waits, for each; what is beyond them is refused.
  const held = Array.from({ length: 4 * serverProcesses }, () => new Connection({ host, port }));
  // They end with the measurement.
  for (const connection of held) connection.request(bytes).catch(() => undefined);
  while (!(await isFull(adminUrl))) await delay(100);
  return held;
}

/** @param {string} adminUrl */
async function isFull(adminUrl) {
  const answer = await fetch(new URL('/status', adminUrl));
  /** @type {{ servers: { queue: { waiting: number, limit: number } }[] }} */
  const { servers } = JSON.parse(await answer.text());
  return servers.every(({ queue }) => queue.waiting >= queue.limit);
}

/** @param {Point} point @param {Times} times */
async function overNodeConnections({ size }, times) {
  return withServer(peer('node-http', { FEATURES: 'off' }), async (server) => {
    const { phases, idleMb } = await load('crowd', {
      ...target(server),
      ...times,
      connections: size,
      phases: [{ name: 'light', requests: [light.request], expected: light.expected, inFlight: fewInFlight }],
    });
    return {
      lightUs: phases.light?.loopUs ?? Number.NaN,
      ...(size > fewInFlight && { connectionKb: (idleMb * 1_024) / (size - fewInFlight) }),
    };
  });
}

/** @param {Point} point @param {Times} times */
async function overWaiting({ size }, times) {
  const { request, expected } = shortCall;
  return withServer(millrace(patient), async (server) => {
    const { phases } = await load('crowd', {
      ...target(server),
      ...times,
      connections: size,
      phases: [
        { name: 'light', requests: [light.request], expected: light.expected, inFlight: fewInFlight },
        // All of them have come when so many are answered.
        { name: 'call', requests: [request], expected, inFlight: size, warmRequests: 2_000 },
      ],
    });
    return { callUs: phases.call?.loopUs ?? Number.NaN };
  });
}

/** @param {Point} point @param {Times} times */
async function overTasks({ size }, times) {
  const folder = taskFolder(size);
  try {
    const startedMs = performance.now();
    return await withServer(millrace({ TASKS_DIR: folder }), async (server) => {
      const startMs = performance.now() - startedMs;
      const [, ...processes] = server.processes().map(residentMb);
      const { phases } = await load('crowd', {
        ...target(server),
        ...times,
        connections: 2 * fewInFlight,
        phases: [
          { name: 'light', requests: [light.request], expected: light.expected, inFlight: fewInFlight },
          {
            name: 'call',
            requests: Array.from({ length: size }, (_, number) => ({ ...hold, path: `/task${number}` })),
            expected: { startsWith: '{"number":' },
            inFlight: fewInFlight,
            // A thread loads a task when it first runs it.
            warmRequests: 100 * size,
          },
        ],
      });
      return {
        startMs,
        processMb: processes.reduce((sum, one) => sum + one, 0) / processes.length,
        callUs: phases.call?.loopUs ?? Number.NaN,
      };
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Task files that differ in their names and what they answer. @param {number} size */
function taskFolder(size) {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-growth-'));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  const tasks = join(folder, 'tasks');
  mkdirSync(tasks);
  // They find zod as in any project that has it installed.
  symlinkSync(modules, join(folder, 'node_modules'));
  for (let number = 0; number < size; number++)
    writeFileSync(join(tasks, `task${number}.js`), taskFile(number));
  return tasks;
}

/** @param {number} number */
function taskFile(number) {
  return `import { z } from 'zod';
export default {
  input: z.strictObject({ text: z.string().max(1_000).optional(), count: z.int().min(1).max(9).default(1) }),
  output: z.strictObject({ number: z.int(), count: z.int() }),
  run: ({ count }) => ({ number: ${number}, count }),
};
`;
}

/** @param {Point} point @param {Times} times */
async function overProcesses({ size }, { warmMs, durationMs }) {
  return withServer(millrace({ WORKERS: String(size) }), async (server) => {
    const totalMb = server
      .processes()
      .map(residentMb)
      .reduce((sum, one) => sum + one, 0);
    const lightUs = await lightCost(server, size, { warmMs, durationMs });
    const { host, port } = server;
    const job = { target: { host, port }, clients: 32, warmMs: 0 };
    // Threads are started as calls come, and each compiles what it runs.
    await load('closedLoop', { ...job, ...shortCall, durationMs: (warmMs * size) / 4 });
    const { perSecond, lost } = await load('closedLoop', { ...job, ...saturatedCall, warmMs, durationMs });
    if (lost > 0) throw new Error(`${lost} calls were not answered`);
    return { lightUs, callsPerSecond: perSecond, totalMb };
  });
}

/** @param {Point} point @param {Times} times */
async function overNodeProcesses({ size }, times) {
  const spec = peer('node-http', { FEATURES: 'off', PROCESSES: String(size) });
  return withServer(spec, async (server) => ({ lightUs: await lightCost(server, size, times) }));
}

/**
 * Every process compiles for itself: the more there are, the longer that takes in all.
 * @param {import('../servers.js').Server} server @param {number} processes @param {Times} times
 */
async function lightCost(server, processes, { warmMs, durationMs }) {
  const times = { warmMs: (warmMs * processes) / 2, durationMs };
  return (await costPerRequest(server, light, { connections: 64, ...times })).cpuUs;
}

/**
 * @template T
 * @param {import('../servers.js').ServerSpec} spec @param {(server: import('../servers.js').Server) => Promise<T>} use
 */
async function withServer(spec, use) {
  const server = await startServer(spec);
  try {
    return await use(server);
  } finally {
    await server.close();
  }
}

/** @param {import('../servers.js').Server} server */
function target({ host, port, processes }) {
  return { target: { host, port }, pids: processes().slice(1) };
}

/** Above this power of the number it is called worse than linear: a cost of one that doubles from 10 to 10,000 gives 1.1. */
const linear = 1.1;

/** @param {Metric} metric @param {readonly Point[]} points @param {import('../rounds.js').Results} results */
function growthOf({ metric, isTotal, isRate }, points, results) {
  const measured = points.filter(({ name }) => results[name]?.values[metric] !== undefined);
  const [first, last] = [measured[0], measured.at(-1)];
  if (first === undefined || last === undefined || first === last) return '–';
  const at = (/** @type {Point} */ { name }) => median(results[name]?.values[metric] ?? []);
  const ratio = isRate ? at(first) / at(last) : at(last) / at(first);
  const power = Math.log(ratio) / Math.log(last.size / first.size) + (isTotal ? 0 : 1);
  return `n^${power.toFixed(2)}: ${power > linear ? '**worse than linear**' : 'not worse than linear'}`;
}

/** @type {import('./scenario.js').Scenario} */
export const growth = {
  name: 'growth',
  title: 'What one costs as there are more of them',
  sources: [...lane, ...server, ...primary, 'workers/compute.ts', 'workers/compute/primes.ts', ...peers],
  rounds: 2,
  async run({ quick, rounds, say }) {
    const settings = { warmMs: quick ? 300 : 1_000, durationMs: quick ? 500 : 1_200 };
    const variants = curves.flatMap((curve) => curve.points);
    const measured = await interleave({ quick, rounds, variants, say }, (point) =>
      point.measure(point, settings),
    );
    return { settings, variants: measured };
  },
  table: ({ variants: results }) => ({
    columns: ['as there are more', 'cost', '÷ the first', 'all of it grows as'],
    rows: curves.flatMap(({ points, metrics }) =>
      metrics.flatMap((metric) =>
        points
          .filter(({ name }) => results[name] !== undefined)
          .map(({ name, label }, place, { length }) => [
            `${label}: ${metric.label}`,
            { metric: results[name]?.values[metric.metric], unit: metric.unit },
            {
              metric: results[name]?.values[metric.metric],
              base: results[points[0]?.name ?? '']?.values[metric.metric],
            },
            place === length - 1 ? growthOf(metric, points, results) : '',
          ]),
      ),
    ),
  }),
};
