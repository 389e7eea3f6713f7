// Counted series as Prometheus text, written by prom-client. Which series and gauges there are is for whoever exposes.
import type { PrometheusContentType } from 'prom-client';
import type { MachineLoad, ServerStatus } from '../messages.js';
import { type FamilyName, families, type RuntimeMetrics, type Series } from './families.js';

/** prom-client's, which is loaded when somebody asks for metrics. */
export const expositionType: PrometheusContentType = 'text/plain; version=0.0.4; charset=utf-8';

export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName?: string;
}

/** A metric as prom-client's getMetricsAsJSON() has it. */
export function metric(name: string, type: string, help: string, values: readonly Sample[]): object {
  return { name, type, help, values, aggregator: 'sum' };
}

/** All families, also those of which nothing was counted yet. */
export function familyMetrics(series: readonly Series[], names = familyNames): object[] {
  return names.map((name) => {
    const { type, help } = families[name];
    return metric(name, type, help, series.filter(({ family }) => family === name).flatMap(samplesOf));
  });
}

const threadStates = ['busy', 'idle', 'leftover', 'stuck'] as const;

/** Of one lane, or of all together. */
export function laneGauges(lanes: readonly Pick<ServerStatus, 'queue' | 'threads'>[]): object[] {
  const sum = (of: (lane: (typeof lanes)[number]) => number) =>
    lanes.reduce((total, lane) => total + of(lane), 0);
  return [
    metric('millrace_queue_waiting', 'gauge', 'CPU calls that wait for a thread.', [
      { labels: {}, value: sum(({ queue }) => queue.waiting) },
    ]),
    metric(
      'millrace_threads',
      'gauge',
      'Threads by state (leftover: left to a call that goes on after its answer; stuck: ended, and still there).',
      threadStates.map((state) => ({ labels: { state }, value: sum(({ threads }) => threads[state]) })),
    ),
  ];
}

/** Of a machine, or of one lane in a program. */
export function loadGauges({ load, waitSeconds }: Pick<MachineLoad, 'load' | 'waitSeconds'>): object[] {
  return [
    metric(
      'millrace_lane_load',
      'gauge',
      'Calls that run or wait, by what the threads of this machine can do in one second; above 1: more than that. Without jobs.',
      [{ labels: {}, value: load }],
    ),
    metric(
      'millrace_lane_wait_seconds',
      'gauge',
      'What a CPU call of average length would be estimated to wait now.',
      [{ labels: {}, value: waitSeconds }],
    ),
  ];
}

const familyNames = Object.keys(families) as FamilyName[];

export async function prometheusText(metrics: readonly RuntimeMetrics[]): Promise<string> {
  const { AggregatorRegistry } = await import('prom-client');
  return AggregatorRegistry.aggregate<PrometheusContentType>([...metrics]).metrics();
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
