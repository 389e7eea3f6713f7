// A light route probed while CPU-bound calls are always in flight: shared by several scenarios.
import { busyCall, light } from './calls.js';
import { load } from './load/load.js';

/** About 25 ms of one core. */
export const saturatedCall = busyCall(25);

/**
 * @param {{ host: string, port: number }} target
 * @param {object} settings
 * @param {number} settings.inFlight CPU-bound calls that are always in flight; 0: none
 * @param {number} settings.perSecond light requests
 * @param {number} settings.warmMs @param {number} settings.durationMs
 */
export async function probeSaturated({ host, port }, { inFlight, perSecond, warmMs, durationMs }) {
  const target = { host, port };
  const times = { target, warmMs, durationMs };
  const [probe, busy] = await Promise.all([
    load('openLoop', { ...light, ...times, perSecond }),
    inFlight === 0 ? undefined : load('closedLoop', { ...saturatedCall, ...times, clients: inFlight }),
  ]);
  if (probe.failed > 0) throw new Error(`${probe.failed} light requests failed`);
  return {
    p50: probe.accepted.p50,
    p99: probe.accepted.p99,
    p999: probe.accepted.p999,
    unanswered: probe.unanswered,
    lateP99: probe.latenessMs.p99,
    callsPerSecond: busy?.perSecond ?? 0,
  };
}
