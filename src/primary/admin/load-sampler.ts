// What the cluster did in the last second: light requests, calls on threads, calls on the event loops, threads, queue.
// It takes the difference of what each server process told now and the time before.

import type { CallLatency, MetricsReport } from '../../metrics/families.js';
import { addGrowth, latencyPercentile } from '../../metrics/latency-scale.js';
import type { ClusterStatus } from '../cluster-status.js';

export interface LoadSample {
  /** Epoch ms. */
  readonly atMs: number;
  readonly io: GroupLoad;
  /** Calls on threads. Those on the event loops take microseconds: among them nobody would see the others. */
  readonly cpu: GroupLoad;
  readonly inlinePerSecond: number;
  readonly threads: { readonly busy: number; readonly max: number };
  readonly waiting: number;
  /** Of the machine: calls that run or wait, by what the threads can do in one second. */
  readonly load: number;
}

/** What ended; null where nothing did. */
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

/**
 * Those that are there, and those that have gone since they were seen: what they told last is theirs.
 */
export function withGone(servers: Iterable<Reporter>, seen: Iterable<Reporter>): Map<number, Reporter> {
  return new Map([...seen, ...servers].map((one) => [one.pid, one]));
}

/** For a process that is seen for the first time. */
const typicalElapsedMs = 1_000;

export function createLoadSampler(): (servers: Iterable<Reporter>, status: ClusterStatus) => LoadSample {
  let before = new Map<number, MetricsReport>();
  let seen: readonly Reporter[] = [];

  return (servers, status) => {
    const now = new Map<number, MetricsReport>();
    const present = [...servers];
    const pairs: Pair[] = [];
    for (const { pid, metrics } of withGone(present, seen).values()) {
      if (metrics === undefined) continue;
      now.set(pid, metrics);
      const earlier = before.get(pid);
      // It did not answer in time: what it did meanwhile comes with its next report.
      if (earlier !== metrics) pairs.push({ earlier, later: metrics });
    }
    before = now;
    seen = present;
    const live = status.servers.filter(({ state }) => state !== 'dead');
    return {
      atMs: Date.now(),
      io: groupLoad(pairs, ({ lightLatency }) => new Map([['light', lightLatency]])),
      cpu: groupLoad(pairs, (report) => scalesOf(report, 'thread')),
      inlinePerSecond: groupLoad(pairs, (report) => scalesOf(report, 'inline')).perSecond,
      threads: {
        busy: live.reduce((sum, { threads }) => sum + threads.busy, 0),
        max: live.reduce((sum, { threads }) => sum + threads.max, 0),
      },
      waiting: live.reduce((sum, { queue }) => sum + queue.waiting, 0),
      load: status.lane.load,
    };
  };
}

interface Pair {
  readonly earlier: MetricsReport | undefined;
  readonly later: MetricsReport;
}

/** By something that stays the same from one report to the next. */
type Scales = ReadonlyMap<string, readonly number[]>;

function scalesOf({ callLatency }: MetricsReport, lane: CallLatency['lane']): Scales {
  return new Map(callLatency.flatMap((one) => (one.lane === lane ? [[one.task, one.scale]] : [])));
}

function groupLoad(pairs: readonly Pair[], scales: (report: MetricsReport) => Scales): GroupLoad {
  const ended: number[] = [];
  let perSecond = 0;
  for (const { earlier, later } of pairs) {
    const before = earlier === undefined ? undefined : scales(earlier);
    let count = 0;
    for (const [name, scale] of scales(later)) count += addGrowth(ended, scale, before?.get(name));
    const elapsedMs = earlier === undefined ? typicalElapsedMs : later.atMs - earlier.atMs;
    if (elapsedMs > 0) perSecond += (count / elapsedMs) * 1_000;
  }
  return { perSecond, p50Ms: latencyPercentile(ended, 0.5), p99Ms: latencyPercentile(ended, 0.99) };
}
