// The cluster's metrics as Prometheus text: sums of the server processes' series, gauges of the moment, and each
// process's own figures. metrics/exposition.ts writes the text.

import type { JobCounts } from '../../jobs/store.js';
import { familyMetrics, laneGauges, loadGauges, metric, prometheusText } from '../../metrics/exposition.js';
import type { RuntimeMetrics, Series } from '../../metrics/families.js';
import type { ClusterStatus } from '../cluster-status.js';

export interface Exposition {
  readonly status: ClusterStatus;
  readonly restartsByReason: ReadonlyMap<string, number>;
  readonly series: readonly Series[];
  /** Undefined: the kernel tells of none. */
  readonly throttledPeriods: number | undefined;
  /** Null: none are kept, or nobody can tell now. */
  readonly jobs: JobCounts | null;
  /** One a process. */
  readonly runtime: readonly RuntimeMetrics[];
}

export function expose({
  status,
  restartsByReason,
  series,
  throttledPeriods,
  jobs,
  runtime,
}: Exposition): Promise<string> {
  return prometheusText([
    [
      ...familyMetrics(series),
      ...gauges(status),
      ...(jobs === null ? [] : jobGauges(jobs)),
      restarts(restartsByReason),
      throttled(throttledPeriods),
    ],
    ...runtime,
  ]);
}

const serverStates = ['starting', 'ready', 'draining', 'dead'] as const;

function gauges({ servers, lane }: ClusterStatus): object[] {
  const live = servers.filter(({ state }) => state !== 'dead');
  return [
    ...loadGauges(lane),
    ...laneGauges(live),
    metric(
      'millrace_server_processes',
      'gauge',
      'Server processes by state (dead: waiting to be replaced).',
      serverStates.map((state) => ({
        labels: { state },
        value: servers.filter((server) => server.state === state).length,
      })),
    ),
  ];
}

/** Where jobs are on Redis every machine tells the same: take the greatest, not the sum. */
function jobGauges({ states, oldestMs, reruns }: JobCounts): object[] {
  return [
    metric(
      'millrace_jobs',
      'gauge',
      'Jobs that are kept, by state. On Redis: of all machines, and each of them tells it.',
      Object.entries(states).map(([state, value]) => ({ labels: { state }, value })),
    ),
    metric('millrace_jobs_oldest_seconds', 'gauge', 'Age of the job that waits longest; 0: none waits.', [
      { labels: {}, value: oldestMs / 1_000 },
    ]),
    metric(
      'millrace_jobs_reruns_total',
      'counter',
      'Runs of jobs that began again, the one before being lost.',
      [{ labels: {}, value: reruns }],
    ),
  ];
}

function throttled(periods: number | undefined): object {
  const help =
    'Periods in which the CPU quota of this process (cgroup) was spent, and all of it was stopped.';
  const samples = periods === undefined ? [] : [{ labels: {}, value: periods }];
  return metric('millrace_cpu_throttled_periods_total', 'counter', help, samples);
}

function restarts(byReason: ReadonlyMap<string, number>): object {
  const samples = [...byReason].map(([reason, value]) => ({
    labels: { reason: reason.replaceAll(' ', '_') },
    value,
  }));
  const help = 'Server processes that were lost, by reason.';
  return metric('millrace_server_restarts_total', 'counter', help, samples);
}
