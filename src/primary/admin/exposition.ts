// The cluster's metrics as Prometheus text: sums of the server processes' series, gauges of the moment, and each
// process's own figures. prom-client writes the text.
import { AggregatorRegistry, type PrometheusContentType, Registry } from 'prom-client';
import { type FamilyName, families, type RuntimeMetrics, type Series } from '../../metrics/families.js';
import type { ClusterStatus } from '../cluster-status.js';

export const expositionType = Registry.PROMETHEUS_CONTENT_TYPE;

export interface Exposition {
  readonly status: ClusterStatus;
  readonly restartsByReason: ReadonlyMap<string, number>;
  readonly series: readonly Series[];
  /** One a process. */
  readonly runtime: readonly RuntimeMetrics[];
}

interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName?: string;
}

export function expose({ status, restartsByReason, series, runtime }: Exposition): Promise<string> {
  const counted = Object.keys(families).map((name) => familyMetric(name as FamilyName, series));
  const metrics = [[...counted, ...gauges(status), restarts(restartsByReason)], ...runtime];
  return AggregatorRegistry.aggregate<PrometheusContentType>(metrics).metrics();
}

function familyMetric(name: FamilyName, all: readonly Series[]): object {
  const { type, help } = families[name];
  const samples = all.filter(({ family }) => family === name).flatMap(samplesOf);
  return metric(name, type, help, samples);
}

function samplesOf({ family, labels: values, values: [first = 0, ...counts] }: Series): Sample[] {
  const described = families[family];
  const labels = Object.fromEntries(described.labels.map((name, place) => [name, values[place] ?? '']));
  if (described.type === 'counter') return [{ labels, value: first }];
  let count = 0;
  const buckets = counts.map((inBucket, place): Sample => {
    count += inBucket;
    const le = described.bounds[place] ?? '+Inf';
    return { labels: { ...labels, le }, value: count, metricName: `${family}_bucket` };
  });
  return [
    ...buckets,
    { labels, value: first, metricName: `${family}_sum` },
    { labels, value: count, metricName: `${family}_count` },
  ];
}

const serverStates = ['starting', 'ready', 'draining', 'dead'] as const;

function gauges({ servers }: ClusterStatus): object[] {
  const live = servers.filter(({ state }) => state !== 'dead');
  const sum = (of: (server: ClusterStatus['servers'][number]) => number) =>
    live.reduce((total, server) => total + of(server), 0);
  return [
    metric('millrace_queue_waiting', 'gauge', 'CPU calls that wait for a thread.', [
      { labels: {}, value: sum(({ queue }) => queue.waiting) },
    ]),
    metric('millrace_threads', 'gauge', 'Threads by state.', [
      { labels: { state: 'busy' }, value: sum(({ threads }) => threads.busy) },
      { labels: { state: 'idle' }, value: sum(({ threads }) => threads.idle) },
    ]),
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

/** As prom-client's getMetricsAsJSON() has it. */
function metric(name: string, type: string, help: string, values: readonly Sample[]): object {
  return { name, type, help, values, aggregator: 'sum' };
}
