// A light route probed while CPU-bound calls are always in flight: shared by several scenarios.
import { busyCall, light } from './calls.js';
import { load } from './load/load.js';
import { pooledPercentile } from './statistics.js';

/** 25 ms of one core. */
export const saturatedCall = busyCall(25);

/**
 * @param {{ host: string, port: number }} target
 * @param {object} settings
 * @param {number} settings.inFlight CPU-bound calls that are always in flight; 0: none
 * @param {number} settings.perSecond light requests
 * @param {number} settings.warmMs @param {number} settings.durationMs
 * @param {import('./load/kinds.js').Call} call that is CPU-bound
 * @param {import('./load/kinds.js').Call} lightCall that is probed
 */
export async function probeSaturated(
  { host, port },
  { inFlight, perSecond, warmMs, durationMs },
  call = saturatedCall,
  lightCall = light,
) {
  const target = { host, port };
  const times = { target, warmMs, durationMs };
  const [probe, busy] = await Promise.all([
    load('openLoop', { ...lightCall, ...times, perSecond }),
    inFlight === 0 ? undefined : load('closedLoop', { ...call, ...times, clients: inFlight }),
  ]);
  // A server that refuses is less busy than one that does not: their latencies could not be compared.
  const refused = probe.refused.count + probe.expired.count;
  if (probe.failed + refused > 0) throw new Error(`${probe.failed + refused} light requests failed`);
  if (busy !== undefined && busy.lost > 0)
    throw new Error(`${busy.lost} calls failed: ${JSON.stringify(busy.errors)}`);
  return {
    count: probe.accepted.count,
    p50: probe.accepted.p50,
    p99: probe.accepted.p99,
    slowest: probe.slowest,
    unanswered: probe.unanswered,
    lateP99: probe.latenessMs.p99,
    prober: probe.priority,
    callsPerSecond: busy?.perSecond ?? 0,
    lost: busy?.lost ?? 0,
  };
}

/** The p99.9 of all rounds together, as a cell. @param {import('./rounds.js').Row} row */
export function pooledP999({ values: { count }, notes }) {
  const slowest = (notes?.slowest ?? []).map((kept) => (typeof kept === 'string' ? [] : kept));
  const value = count && pooledPercentile(count, slowest, 0.999);
  return { metric: value === undefined ? undefined : [value], unit: 'ms' };
}
