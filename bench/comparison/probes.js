// What is measured of each checkout in a comparison: what a change to the lane or the server may win or lose. Each on a
// server that was just started, of the given shape; or of the lane alone, in a process without a server.
import { join } from 'node:path';
import { argon2, busyCall, light, smallHash } from '../calls.js';
import { runScript } from '../children.js';
import { perCoreLeft } from '../cores-left.js';
import { load } from '../load/load.js';
import { mainThreadMs } from '../process-tree.js';
import { probeSaturated, saturatedCall } from '../saturated.js';
import { serverProcesses as cores } from '../servers.js';

/** @typedef {import('../servers.js').Server} Server */

/**
 * @typedef {object} Metric
 * @property {string} name
 * @property {string} label
 * @property {string} [unit]
 */

/** @typedef {(server: Server, quick: boolean) => Promise<Record<string, number>>} Measure */
/** @typedef {(root: string, quick: boolean) => Promise<Record<string, number>>} MeasureAlone */

/**
 * @typedef {object} Probe
 * @property {string} name
 * @property {string} title
 * @property {readonly Metric[]} metrics those that are told
 * @property {Record<string, string>} [env]
 * @property {Measure} [measure]
 * @property {MeasureAlone} [alone] without a server: it has its
 *   own shape, one process and two threads
 */

/** About how long the calls take, in ms. */
const callMs = 25;
const lightPerSecond = 200;

/** JavaScript, and native code that leaves the thread's JavaScript alone. */
const kinds = [
  { name: 'js', label: 'primes', call: saturatedCall, hop: busyCall(0.1) },
  { name: 'native', label: 'native', call: argon2, hop: smallHash },
];

/** @param {boolean} quick @param {number} warmMs @param {number} durationMs */
function times(quick, warmMs, durationMs) {
  return quick ? { warmMs: 300, durationMs: 600 } : { warmMs, durationMs };
}

/** @param {Server} server */
const targetOf = ({ host, port }) => ({ host, port });

const lightMetrics = [
  { name: 'lightP50', label: 'light p50', unit: 'ms' },
  { name: 'lightP99', label: 'light p99', unit: 'ms' },
];

/** @type {readonly Probe[]} */
export const probes = [
  ...kinds.map(({ name, label, call }) => ({
    name: `full-${name}`,
    title: `400 light requests a second, and goodput, while 8 calls are always in flight (${label}, about ${callMs} ms)`,
    metrics: [...lightMetrics, { name: 'goodput', label: 'goodput', unit: 'calls/s' }],
    /** @type {Measure} */
    async measure(server, quick) {
      // By the p99 of 800 requests, which 8 of them make, a checkout differs from itself by half and more.
      const settings = { inFlight: 8, perSecond: 400, ...times(quick, 2_000, 6_000) };
      const { p50, p99, callsPerSecond } = await probeSaturated(server, settings, call);
      return { lightP50: p50, lightP99: p99, goodput: callsPerSecond };
    },
  })),
  ...kinds.map(({ name, label, call }) => ({
    name: `steady-${name}`,
    title: `Calls that come at random, 0.7 of what the cores can do (${label}, about ${callMs} ms)`,
    metrics: [
      { name: 'p50', label: 'call p50', unit: 'ms' },
      { name: 'p99', label: 'call p99', unit: 'ms' },
      ...lightMetrics,
    ],
    /** @type {Measure} */
    async measure(server, quick) {
      const job = { target: targetOf(server), ...times(quick, 1_500, 5_000) };
      const [calls, probe] = await Promise.all([
        load('openLoop', { ...job, ...call, perSecond: (0.7 * cores * 1_000) / callMs, probe: false }),
        load('openLoop', { ...job, ...light, perSecond: lightPerSecond }),
      ]);
      return {
        p50: calls.accepted.p50,
        p99: calls.accepted.p99,
        lightP50: probe.accepted.p50,
        lightP99: probe.accepted.p99,
      };
    },
  })),
  ...kinds.map(({ name, label, hop }) => ({
    name: `hop-${name}`,
    title: `Small calls, all on threads (${name === 'js' ? label : 'SHA-256 of 1 KiB'})`,
    env: { INLINE_MAX_US: '0' },
    metrics: [
      { name: 'loopUs', label: 'event loop per call', unit: 'µs' },
      { name: 'cpuUs', label: 'CPU per call', unit: 'µs' },
    ],
    /** @type {Measure} */
    async measure(server, quick) {
      const { warmMs, durationMs } = times(quick, 2_500, 2_000);
      const job = { url: server.url, ...hop, connections: 32 };
      await load('saturating', { ...job, durationMs: warmMs });
      const [, ...loops] = server.processes();
      const loopMs = () => loops.reduce((sum, pid) => sum + mainThreadMs(pid), 0);
      const before = { cpuMs: server.cpuTimeMs(), loopMs: loopMs() };
      const { answered, failed } = await load('saturating', { ...job, durationMs });
      if (failed > 0) throw new Error(`${failed} calls failed`);
      return {
        loopUs: ((loopMs() - before.loopMs) * 1_000) / answered,
        cpuUs: ((server.cpuTimeMs() - before.cpuMs) * 1_000) / answered,
      };
    },
  })),
  ...[1, 64].map((concurrency) => ({
    name: `lane-${concurrency}`,
    title: `The lane alone, calls of 100 µs, ${concurrency} at once`,
    metrics: [{ name: 'loopUs', label: 'event loop per call', unit: 'µs' }],
    /** @type {MeasureAlone} */
    alone(root, quick) {
      const [warmCalls, calls] = quick ? [200, 200] : [2_000, 6_000];
      return runScript(join(root, 'bench/hop-runner.js'), ['lane', concurrency, warmCalls, calls]);
    },
  })),
  ...kinds.map(({ name, label, call }) => ({
    name: `flood-${name}`,
    title: `A client that makes one call after the other, beside a flood of 4 times the capacity (${label})`,
    env: { QUEUE_MAX_WAIT_MS: '2000' },
    metrics: [
      { name: 'p50', label: 'polite p50', unit: 'ms' },
      { name: 'p99', label: 'polite p99', unit: 'ms' },
      { name: 'goodput', label: "the flood's goodput", unit: 'calls/s' },
    ],
    /** @type {Measure} */
    async measure(server, quick) {
      const job = { ...call, target: targetOf(server), ...times(quick, 2_500, 5_000) };
      const [polite, flood] = await Promise.all([
        load('closedLoop', { ...job, clients: 1, firstAddress: 100, probe: true }),
        load('openLoop', { ...job, perSecond: (4 * cores * 1_000) / callMs, probe: false }),
      ]);
      if (polite.lost > 0) throw new Error(`${polite.lost} calls of the polite client were not answered`);
      return { p50: polite.latency.p50, p99: polite.latency.p99, goodput: flood.completedPerSecond };
    },
  })),
  {
    name: 'storm',
    title: '200 clients that ask again as soon as they are refused (primes)',
    env: { QUEUE_MAX_WAIT_MS: '1000' },
    metrics: [
      { name: 'goodput', label: 'goodput per core left', unit: 'calls/s' },
      { name: 'refused', label: 'refused', unit: '/s' },
      ...lightMetrics,
    ],
    async measure(server, quick) {
      const { warmMs, durationMs } = times(quick, 4_000, 4_000);
      const job = { url: server.url, request: saturatedCall.request, connections: 200 };
      await load('saturating', { ...job, durationMs: warmMs });
      const [result, probe] = await Promise.all([
        load('saturating', { ...job, durationMs }),
        load('openLoop', {
          ...light,
          target: targetOf(server),
          perSecond: lightPerSecond,
          warmMs: 100,
          durationMs: durationMs - 300,
        }),
      ]);
      if (result.failed > result.refused) throw new Error('requests were not answered');
      return {
        goodput: perCoreLeft(result.perSecond, result.generatorCpuMs / durationMs),
        refused: (result.refused * 1_000) / durationMs,
        lightP50: probe.accepted.p50,
        lightP99: probe.accepted.p99,
      };
    },
  },
];
