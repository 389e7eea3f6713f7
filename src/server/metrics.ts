// What a server process counts while it serves. On every request's way: a series is found by map look-ups and counted
// in place; nothing is allocated. The cluster's sums are made in the primary.
import { monotonicMs } from '../clock.js';
import type { CallRecord } from '../lane/call.js';
import {
  type FamilyName,
  families,
  type HistogramName,
  type MetricsReport,
  type Series,
} from '../metrics/families.js';
import { addLatency, emptyScale } from '../metrics/latency-scale.js';
import type { OnAnswer } from './request/arrival.js';

export interface ServerMetrics {
  readonly onAnswer: OnAnswer;
  onCall(record: CallRecord): void;
  report(): MetricsReport;
}

/** Whoever invents methods must not invent series. */
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** @param taskRoutes the routes of CPU calls; the patterns below them are theirs too */
export function createServerMetrics(taskRoutes: readonly string[]): ServerMetrics {
  const all: Series[] = [];
  const latency = { io: emptyScale(), cpu: emptyScale() };

  const answers = lookUp((route: string) =>
    lookUp((method: string) =>
      lookUp((status: number) => {
        const series = histogram('http_request_duration_seconds', [method, route, String(status)]);
        return { series, scale: scaleOf(route) };
      }),
    ),
  );
  const calls = lookUp((task: string) =>
    lookUp((outcome: string) =>
      lookUp((lane: string) => counter('millrace_calls_total', [task, outcome, lane])),
    ),
  );
  const waits = lookUp((task: string) => histogram('millrace_call_wait_seconds', [task]));
  const runs = lookUp((task: string) => histogram('millrace_call_run_seconds', [task]));

  /** None for the API's pages: large files that people look at say nothing of either. */
  function scaleOf(route: string): number[] | undefined {
    if (/^\/(docs|openapi\.json)/.test(route)) return undefined;
    const cpu = taskRoutes.some((task) => route === task || route.startsWith(`${task}/:`));
    return cpu ? latency.cpu : latency.io;
  }

  function begin(family: FamilyName, labels: readonly string[], places: number): number[] {
    const values = new Array<number>(places).fill(0);
    all.push({ family, labels, values });
    return values;
  }

  function counter(family: FamilyName, labels: readonly string[]): (count: number) => void {
    const values = begin(family, labels, 1);
    return (count) => add(values, 0, count);
  }

  function histogram(family: HistogramName, labels: readonly string[]): (seconds: number) => void {
    const { bounds } = families[family];
    const values = begin(family, labels, 1 + bounds.length + 1);
    return (seconds) => {
      let bucket = 0;
      while (bucket < bounds.length && seconds > (bounds[bucket] ?? 0)) bucket++;
      add(values, 0, seconds);
      add(values, 1 + bucket, 1);
    };
  }

  return {
    onAnswer(method, route, status, seconds) {
      const { series, scale } = answers(route)(methods.has(method) ? method : 'other')(status);
      series(seconds);
      if (scale !== undefined) addLatency(scale, seconds);
    },
    onCall({ task, outcome, lane, queueMs, runMs }) {
      calls(task)(outcome)(lane)(1);
      if (outcome !== 'refused') waits(task)(queueMs / 1_000);
      if (lane !== 'none') runs(task)(runMs / 1_000);
    },
    report: () => ({ atMs: monotonicMs(), series: all, latency }),
  };
}

function add(values: number[], place: number, amount: number): void {
  values[place] = (values[place] ?? 0) + amount;
}

/** Makes what belongs to a key the first time it is asked for. Keys must be few. */
function lookUp<K, V>(make: (key: K) => V): (key: K) => V {
  const made = new Map<K, V>();
  return (key) => {
    const known = made.get(key);
    if (known !== undefined) return known;
    const fresh = make(key);
    made.set(key, fresh);
    return fresh;
  };
}
