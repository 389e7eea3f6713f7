// How late the event loop is: what it waits for beyond its own timer, since it was last asked.
import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface LoopDelay {
  /** The delay since the last take, in ms. */
  take(): { readonly p50: number; readonly p99: number };
  stop(): void;
}

/** Node's histogram holds the whole time between two of its timer's turns, so this much is no delay. */
const resolutionMs = 20;

export function createLoopDelay(): LoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  const percentile = (percent: number) =>
    Math.max(0, Math.round(histogram.percentile(percent) / 1_000 - resolutionMs * 1_000) / 1_000);
  return {
    take() {
      const delay = { p50: percentile(50), p99: percentile(99) };
      histogram.reset();
      return delay;
    },
    stop: () => histogram.disable(),
  };
}
