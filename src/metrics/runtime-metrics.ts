// A process's own figures by prom-client: `process_*` and `nodejs_*`. Every process of the cluster has one of these;
// the label says whose they are, and they are never summed.
import type { RuntimeMetrics } from './families.js';

/** Gauges whose names end like a counter's, which `promtool check metrics` refuses; each is the sum of another. */
const misnamed = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

/**
 * How often the event loop is woken to see how late it is, in ms; that long is in `nodejs_eventloop_lag_*`, too. At
 * prom-client's own 10 ms these wakes were a third of all that a busy process has.
 */
const lagResolutionMs = 50;

/**
 * Measured from the first time that they are asked for: prom-client is 30 ms of each process's start, and some MiB.
 * @param label `primary` or the slot's number
 * @returns a function that tells the figures; a call costs about a millisecond
 */
export function createRuntimeMetrics(label: string): () => Promise<RuntimeMetrics> {
  let measuring: ReturnType<typeof measure> | undefined;
  return async () => {
    measuring ??= measure(label);
    return (await measuring)();
  };
}

async function measure(label: string): Promise<() => Promise<RuntimeMetrics>> {
  const { collectDefaultMetrics, Registry } = await import('prom-client');
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: lagResolutionMs });
  for (const name of misnamed) registry.removeSingleMetric(name);
  registry.setDefaultLabels({ process: label });
  return async () => {
    const metrics = await registry.getMetricsAsJSON();
    return metrics.map((metric) => ({
      ...metric,
      // Some are declared to be left out of sums. Labelled, there is nothing to sum.
      aggregator: 'sum',
      // What was not measured yet is NaN, which no JSON carries.
      values: metric.values.filter(({ value }) => Number.isFinite(value)),
    }));
  };
}
