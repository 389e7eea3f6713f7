// The cluster's metrics as Prometheus text: sums of the server processes' series, gauges of the moment, and each
// process's own figures. metrics/exposition.ts writes the text.
import { familyMetrics, laneGauges, metric, prometheusText } from '../../metrics/exposition.js';
import type { RuntimeMetrics, Series } from '../../metrics/families.js';
import type { ClusterStatus } from '../cluster-status.js';

export interface Exposition {
  readonly status: ClusterStatus;
  readonly restartsByReason: ReadonlyMap<string, number>;
  readonly series: readonly Series[];
  /** One a process. */
  readonly runtime: readonly RuntimeMetrics[];
}

export function expose({ status, restartsByReason, series, runtime }: Exposition): Promise<string> {
  return prometheusText([
    [...familyMetrics(series), ...gauges(status), restarts(restartsByReason)],
    ...runtime,
  ]);
}

const serverStates = ['starting', 'ready', 'draining', 'dead'] as const;

function gauges({ servers }: ClusterStatus): object[] {
  const live = servers.filter(({ state }) => state !== 'dead');
  return [
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

function restarts(byReason: ReadonlyMap<string, number>): object {
  const samples = [...byReason].map(([reason, value]) => ({
    labels: { reason: reason.replaceAll(' ', '_') },
    value,
  }));
  const help = 'Server processes that were lost, by reason.';
  return metric('millrace_server_restarts_total', 'counter', help, samples);
}
