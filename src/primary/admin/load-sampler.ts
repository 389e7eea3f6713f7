// What the cluster did in the last second: requests and latencies of light and of CPU routes, threads, queue. It takes
// the difference of what each server process told now and the time before.

import type { MetricsReport, RouteGroup } from '../../metrics/families.js';
import { emptyScale, latencyPercentile } from '../../metrics/latency-scale.js';
import type { ClusterStatus } from '../cluster-status.js';

export interface LoadSample {
  /** Epoch ms. */
  readonly atMs: number;
  readonly io: GroupLoad;
  readonly cpu: GroupLoad;
  readonly threads: { readonly busy: number; readonly max: number };
  readonly waiting: number;
}

/** Answers; null where there were none. */
export interface GroupLoad {
  readonly perSecond: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

/** A server process, so far as it matters here. */
export interface Reporter {
  readonly pid: number;
  readonly metrics: MetricsReport | undefined;
}

/** For a process that is seen for the first time. */
const typicalElapsedMs = 1_000;

export function createLoadSampler(): (servers: Iterable<Reporter>, status: ClusterStatus) => LoadSample {
  let before = new Map<number, MetricsReport>();

  return (servers, status) => {
    const now = new Map<number, MetricsReport>();
    const pairs: Pair[] = [];
    for (const { pid, metrics } of servers) {
      if (metrics === undefined) continue;
      now.set(pid, metrics);
      const earlier = before.get(pid);
      // It did not answer in time: what it did meanwhile comes with its next report.
      if (earlier !== metrics) pairs.push({ earlier, later: metrics });
    }
    before = now;
    const live = status.servers.filter(({ state }) => state !== 'dead');
    return {
      atMs: Date.now(),
      io: groupLoad(pairs, 'io'),
      cpu: groupLoad(pairs, 'cpu'),
      threads: {
        busy: live.reduce((sum, { threads }) => sum + threads.busy, 0),
        max: live.reduce((sum, { threads }) => sum + threads.max, 0),
      },
      waiting: live.reduce((sum, { queue }) => sum + queue.waiting, 0),
    };
  };
}

interface Pair {
  readonly earlier: MetricsReport | undefined;
  readonly later: MetricsReport;
}

function groupLoad(pairs: readonly Pair[], group: RouteGroup): GroupLoad {
  const answers = emptyScale();
  let perSecond = 0;
  for (const { earlier, later } of pairs) {
    let count = 0;
    for (const [cell, total] of later.latency[group].entries()) {
      const fresh = total - (earlier?.latency[group][cell] ?? 0);
      answers[cell] = (answers[cell] ?? 0) + fresh;
      count += fresh;
    }
    const elapsedMs = earlier === undefined ? typicalElapsedMs : later.atMs - earlier.atMs;
    if (elapsedMs > 0) perSecond += (count / elapsedMs) * 1_000;
  }
  return { perSecond, p50Ms: latencyPercentile(answers, 0.5), p99Ms: latencyPercentile(answers, 0.99) };
}
