// How long the calls of each task took in the last minute, by lane. Like the load sampler it takes the difference of what
// each server process told now and the time before; it keeps one such difference for each second.
import { monotonicMs } from '../../clock.js';
import { dictionary } from '../../dictionary.js';
import type { CallLatency } from '../../metrics/families.js';
import { addGrowth, latencyPercentile } from '../../metrics/latency-scale.js';
import { type Reporter, withGone } from './load-sampler.js';

export interface Percentiles {
  readonly p50: number;
  readonly p99: number;
}

/** In ms, from a call's arrival to its end; null where no call ended. */
export interface TaskLatency {
  readonly thread: Percentiles | null;
  readonly inline: Percentiles | null;
}

export interface RecentCalls {
  /** Takes in what the server processes have told since. At least once a second. */
  look(servers: Iterable<Reporter>): void;
  /** Of each of these tasks. */
  latencies(tasks: Iterable<string>): Readonly<Record<string, TaskLatency>>;
}

const windowMs = 60_000;
const sliceMs = 1_000;

/** Scales by task and lane. */
type Scales = Map<string, number[]>;

interface Slice {
  readonly fromMs: number;
  readonly scales: Scales;
}

export function createRecentCalls(clock: () => number = monotonicMs): RecentCalls {
  const slices: Slice[] = [];
  let before = new Map<number, readonly CallLatency[]>();
  let seen: readonly Reporter[] = [];

  function currentSlice(): Slice {
    const nowMs = clock();
    while ((slices[0]?.fromMs ?? nowMs) <= nowMs - windowMs) slices.shift();
    const last = slices.at(-1);
    if (last !== undefined && nowMs - last.fromMs < sliceMs) return last;
    const fresh = { fromMs: nowMs, scales: new Map() };
    slices.push(fresh);
    return fresh;
  }

  return {
    look(servers) {
      const { scales } = currentSlice();
      const now = new Map<number, readonly CallLatency[]>();
      const present = [...servers];
      for (const { pid, metrics } of withGone(present, seen).values()) {
        if (metrics === undefined) continue;
        now.set(pid, metrics.callLatency);
        const earlier = new Map(before.get(pid)?.map((one) => [keyOf(one), one.scale]));
        for (const one of metrics.callLatency) {
          const key = keyOf(one);
          const sum = scales.get(key) ?? [];
          if (addGrowth(sum, one.scale, earlier.get(key)) > 0) scales.set(key, sum);
        }
      }
      before = now;
      seen = present;
    },
    latencies(tasks) {
      const minute: Scales = new Map();
      for (const { scales } of slices) {
        for (const [key, scale] of scales) {
          const sum = minute.get(key) ?? [];
          addGrowth(sum, scale);
          minute.set(key, sum);
        }
      }
      const lane = (task: string, lane: CallLatency['lane']) =>
        percentiles(minute.get(keyOf({ task, lane })));
      return dictionary(
        [...tasks].map((task) => [task, { thread: lane(task, 'thread'), inline: lane(task, 'inline') }]),
      );
    },
  };
}

function keyOf({ task, lane }: Pick<CallLatency, 'task' | 'lane'>): string {
  return `${lane} ${task}`;
}

function percentiles(scale: readonly number[] = []): Percentiles | null {
  const p50 = latencyPercentile(scale, 0.5);
  const p99 = latencyPercentile(scale, 0.99);
  return p50 === null || p99 === null ? null : { p50, p99 };
}
