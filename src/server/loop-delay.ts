// How late the event loop is: what it waits for beyond its own timer, in the last second or so.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { monotonicMs } from '../clock.js';

interface Delay {
  readonly p50: number;
  readonly p99: number;
}

export interface LoopDelay {
  /** The delay in ms, over at least the last second where it is asked for at least once a second. */
  read(): Delay;
  stop(): void;
}

/** Node's histogram holds the whole time between two of its timer's turns, so this much is no delay. */
const resolutionMs = 20;
const windowMs = 900;

export function createLoopDelay(): LoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  let sinceMs = monotonicMs();
  let last: Delay | undefined;
  const percentile = (percent: number) =>
    Math.max(0, Math.round(histogram.percentile(percent) / 1_000 - resolutionMs * 1_000) / 1_000);
  return {
    read() {
      // Whoever asks at shorter intervals must not leave the next one with nothing.
      if (monotonicMs() - sinceMs >= windowMs || last === undefined) {
        last = { p50: percentile(50), p99: percentile(99) };
        histogram.reset();
        sinceMs = monotonicMs();
      }
      return last;
    },
    stop: () => histogram.disable(),
  };
}
