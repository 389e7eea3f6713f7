// What is measured: the metric families and how their values travel. Counting is server/metrics.ts, the cluster's
// sums are primary/admin. A process of another version speaks another protocol (messages.ts) and is never summed.

interface Family {
  readonly type: 'counter' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds in seconds, ascending; the last bucket, +Inf, is implied. */
  readonly bounds?: readonly number[];
}

/** From a call that runs inline to one that waits and runs as long as it may: 50 µs to a minute. */
const bounds = [
  0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
  10, 30, 60,
];

/** A job may wait and run for long: 5 ms to 6 hours. */
const jobBounds = [0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600, 21_600];

/** What server processes count. Their names and labels are an interface: dashboards of others are built on them. */
export const families = {
  millrace_calls_total: {
    type: 'counter',
    help: 'CPU calls by task, outcome (shared: with the result of an identical call) and lane (none: it never ran).',
    labels: ['task', 'outcome', 'lane'],
  },
  millrace_call_wait_seconds: {
    type: 'histogram',
    help: 'Time CPU calls that were let in waited for a thread.',
    labels: ['task'],
    bounds,
  },
  millrace_call_run_seconds: {
    type: 'histogram',
    help: 'Time CPU calls ran.',
    labels: ['task'],
    bounds,
  },
  millrace_job_runs_total: {
    type: 'counter',
    help: 'Runs of jobs by task and outcome (lost: tried again or given up; given back: at a stop or reload; shared: none of its own, the job was added beside an identical one).',
    labels: ['task', 'outcome'],
  },
  millrace_job_wait_seconds: {
    type: 'histogram',
    help: 'Time from when a job was accepted to the beginning of a run.',
    labels: ['task'],
    bounds: jobBounds,
  },
  millrace_job_run_seconds: {
    type: 'histogram',
    help: 'Time runs of jobs took.',
    labels: ['task'],
    bounds: jobBounds,
  },
  millrace_threads_stalled_total: {
    type: 'counter',
    help: 'Threads that were ended since they began none of their calls: what an earlier call left behind held them.',
    labels: [],
  },
  http_request_duration_seconds: {
    type: 'histogram',
    help: 'Time from the headers of a request to the end of its answer (status 499: the client left).',
    labels: ['method', 'route', 'status'],
    bounds,
  },
} as const satisfies Record<string, Family>;

export type FamilyName = keyof typeof families;
export type HistogramName = {
  [Name in FamilyName]: (typeof families)[Name]['type'] extends 'histogram' ? Name : never;
}[FamilyName];

/**
 * One series of a family. Labels in the family's order. Values add up, place by place: a counter's is its count, a
 * histogram's are its sum and then the count of each bucket by itself (not cumulative, +Inf last).
 */
export interface Series {
  readonly family: FamilyName;
  readonly labels: readonly string[];
  readonly values: number[];
}

/** A process's own figures (`process_*`, `nodejs_*`) as prom-client's JSON, labelled with the process. */
export type RuntimeMetrics = readonly object[];

/** What a server process has counted since it began. */
export interface MetricsReport {
  /** monotonicMs() of the process. */
  readonly atMs: number;
  readonly series: readonly Series[];
  /** Answers of light routes by latency: from the headers of the request to the end of the answer (latency-scale.ts). */
  readonly lightLatency: readonly number[];
  readonly callLatency: readonly CallLatency[];
}

/**
 * Calls of one task in one lane by latency: the wait and the run; jobs are no calls here. Those count that were let in and
 * whose callers stayed until the end, also where that was a deadline or a fault.
 */
export interface CallLatency {
  readonly task: string;
  readonly lane: 'inline' | 'thread';
  readonly scale: readonly number[];
}
