// What a kind of call costs, learned: a task states a rough cost, the measured runs say by how much it is off.
// Knows nothing of queues or threads.
import { type CostWindow, createCostWindow } from './cost-window.js';

const minUs = 0.1;
const maxUs = 3.6e9;
/** Kinds per task; what comes beyond shares one. A `kind` that echoes user data must not fill the memory. */
const maxKinds = 64;

/**
 * The calibrated view of one kind, in µs. Calls are only measured against calls of about the same stated cost: what
 * a tiny input takes is mostly the call's fixed part, and says nothing of how a large one scales.
 */
export interface KindEstimate {
  /** The likely run of a call of this stated cost, in µs. */
  likelyUs(cost: number): number;
  /** What nine runs of ten stay below, in µs. */
  p90Us(cost: number): number;
  /** Calls of about this cost were seen often enough on threads, and none of the kind was ever kept there. */
  isKnown(cost: number): boolean;
  /** Known, and not demoted. */
  mayRunInline(cost: number, nowMs: number): boolean;
  learn(cost: number, runUs: number, sync: boolean): void;
  /** One of the kind was asynchronous, or left something behind. */
  keepOnThreads(): void;
  /** An inline run; one beyond `surpriseUs` counts against its like. */
  learnInline(cost: number, runUs: number, surpriseUs: number, nowMs: number): void;
}

export interface Estimates {
  kind(task: string, kind: string): KindEstimate;
}

export function createEstimates(): Estimates {
  const tasks = new Map<string, Map<string, KindEstimate>>();
  return {
    kind(task, name) {
      let kinds = tasks.get(task);
      if (kinds === undefined) {
        kinds = new Map();
        tasks.set(task, kinds);
      }
      const key = kinds.size < maxKinds || kinds.has(name) ? name : '';
      let estimate = kinds.get(key);
      if (estimate === undefined) {
        estimate = createKindEstimate();
        kinds.set(key, estimate);
      }
      return estimate;
    },
  };
}

/** A stated cost as it is used: a number of µs within bounds, whatever the task returned. */
export function boundCost(cost: unknown): number {
  return bound(typeof cost === 'number' && !Number.isNaN(cost) ? cost : 1_000);
}

const bound = (us: number): number => Math.min(Math.max(us, minUs), maxUs);

/** Windows are a factor of four wide: below 1 µs, [1, 4), [4, 16) … up to the largest cost. */
const windowCount = 17;
const windowOf = (cost: number): number => (33 - Math.clz32(cost)) >> 1;
const middleOf = (window: number): number => 4 ** window / 2;

export function createKindEstimate(): KindEstimate {
  const windows: (CostWindow | undefined)[] = new Array(windowCount).fill(undefined);
  let keptOnThreads = false;

  function windowAt(cost: number): CostWindow {
    const index = windowOf(cost);
    let window = windows[index];
    if (window === undefined) {
      window = createCostWindow();
      windows[index] = window;
    }
    return window;
  }

  /** Calls of about this cost were never seen: what is known of the nearest, so that it cannot explode. */
  function borrowed(cost: number, quantile: 'median' | 'p90'): number {
    const index = windowOf(cost);
    for (let distance = 1; distance < windowCount; distance++) {
      // From dearer calls in proportion: the result is at most what those took.
      const above = windows[index + distance];
      if (above !== undefined) return cost * above[quantile];
      // From cheaper ones: what they took beyond their statement is their fixed part and stays what it is, while what
      // is stated too high is so for all.
      const below = windows[index - distance];
      if (below === undefined) continue;
      const middle = middleOf(index - distance);
      const ratio = below[quantile];
      return middle * ratio + (cost - middle) * Math.min(1, ratio);
    }
    return cost;
  }

  function estimate(cost: number, quantile: 'median' | 'p90'): number {
    const own = windows[windowOf(cost)];
    return bound(own === undefined ? borrowed(cost, quantile) : cost * own[quantile]);
  }

  const isKnown = (cost: number): boolean => !keptOnThreads && windows[windowOf(cost)]?.known === true;

  return {
    likelyUs: (cost) => estimate(cost, 'median'),
    p90Us: (cost) => estimate(cost, 'p90'),
    isKnown,
    mayRunInline: (cost, nowMs) => isKnown(cost) && !windows[windowOf(cost)]?.isDemoted(nowMs),
    learn(cost, runUs, sync) {
      if (!sync) keptOnThreads = true;
      windowAt(cost).learn(cost, runUs);
    },
    keepOnThreads() {
      keptOnThreads = true;
    },
    learnInline(cost, runUs, surpriseUs, nowMs) {
      windowAt(cost).learnInline(cost, runUs, surpriseUs, nowMs);
    },
  };
}
