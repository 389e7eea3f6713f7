// What a server process counts while it serves. On every request's way: a series is found by map look-ups and counted
// in place; nothing is allocated. The cluster's sums are made in the primary.
import { monotonicMs } from '../clock.js';
import type { JobRunRecord } from '../jobs/runner.js';
import type { CallRecord, OnCall } from '../lane/call.js';
import type { LoadReport } from '../messages.js';
import {
  type CallLatency,
  type FamilyName,
  families,
  type HistogramName,
  type MetricsReport,
  type Series,
} from '../metrics/families.js';
import { addLatency } from '../metrics/latency-scale.js';
import type { OnAnswer } from './request/arrival.js';

export interface ServerMetrics {
  readonly onAnswer: OnAnswer;
  readonly onCall: OnCall;
  onJobRun(record: JobRunRecord): void;
  /** A thread was ended that began none of its calls. */
  onStalled(): void;
  /** A job of this task has no run of its own. */
  onJobShared(task: string): void;
  report(): MetricsReport;
  /** Answers so far, and those of them that say that the server failed. */
  answered(): Pick<LoadReport, 'answers' | 'errors'>;
}

/** Whoever invents methods must not invent series. */
const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/**
 * @param taskRoutes the routes of CPU calls; the patterns below them are theirs too
 * @param prefix in front of these, and of the API's pages
 */
export function createServerMetrics(taskRoutes: readonly string[], prefix = ''): ServerMetrics {
  const all: Series[] = [];
  let sent = 0;
  let errors = 0;
  const lightLatency: number[] = [];
  const callLatency: CallLatency[] = [];

  const answers = lookUp((route: string) =>
    lookUp((method: string) =>
      lookUp((status: number) => {
        const series = histogram('http_request_duration_seconds', [method, route, String(status)]);
        return { series, isLight: isLight(route) };
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

  const jobRuns = lookUp((task: string) =>
    lookUp((outcome: string) => counter('millrace_job_runs_total', [task, outcome])),
  );
  const countStalled = counter('millrace_threads_stalled_total', []);
  const jobWaits = lookUp((task: string) => histogram('millrace_job_wait_seconds', [task]));
  const jobTimes = lookUp((task: string) => histogram('millrace_job_run_seconds', [task]));

  const latencies = lookUp((task: string) =>
    lookUp((lane: CallLatency['lane']) => {
      const scale: number[] = [];
      callLatency.push({ task, lane, scale });
      return scale;
    }),
  );

  /** Nor are the API's pages: large files that people look at say nothing of light routes. */
  function isLight(full: string): boolean {
    if (!full.startsWith(prefix)) return true;
    const route = full.slice(prefix.length);
    if (/^\/(docs|openapi\.json)/.test(route)) return false;
    return !taskRoutes.some((task) => route === task || route.startsWith(`${task}/:`));
  }

  /** Of whom it took how long. One that expired in the queue waited for a thread. */
  function countLatency({ task, outcome, lane, queueMs, runMs }: CallRecord): void {
    if (outcome === 'refused' || outcome === 'cancelled') return;
    if (lane === 'none' && queueMs === 0) return;
    addLatency(latencies(task)(lane === 'inline' ? 'inline' : 'thread'), (queueMs + runMs) / 1_000);
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
      const { series, isLight } = answers(route)(methods.has(method) ? method : 'other')(status);
      series(seconds);
      sent++;
      if (status >= 500) errors++;
      if (isLight) addLatency(lightLatency, seconds);
    },
    onCall(record, isJob) {
      const { task, outcome, lane, queueMs, runMs } = record;
      calls(task)(outcome)(lane)(1);
      // One that was shared waited for a run, not for its turn.
      if (outcome !== 'refused' && outcome !== 'shared') waits(task)(queueMs / 1_000);
      if (lane !== 'none') runs(task)(runMs / 1_000);
      if (!isJob) countLatency(record);
    },
    onJobRun({ task, outcome, waitMs, runMs }) {
      jobRuns(task)(outcome)(1);
      jobWaits(task)(waitMs / 1_000);
      jobTimes(task)(runMs / 1_000);
    },
    onStalled: () => countStalled(1),
    onJobShared(task) {
      jobRuns(task)('shared')(1);
    },
    answered: () => ({ answers: sent, errors }),
    report: () => ({ atMs: monotonicMs(), series: all, lightLatency, callLatency }),
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
