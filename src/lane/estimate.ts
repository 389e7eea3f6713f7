// What a kind of call costs, learned: a task states a rough cost, the measured runs say by how much it is off.
// Knows nothing of queues or threads.

/** Runs remembered per kind: a window that forgets the first, cold runs and follows a machine that slows down. */
const windowSize = 32;
/** A kind is known once it was seen this often on threads. */
const knownRuns = 20;
/** Bounds of the correction, so that one absurd measurement or cost cannot poison what follows. */
const minRatio = 1e-4;
const maxRatio = 1e4;
const minCostUs = 0.1;
const maxCostUs = 3.6e9;
/** Kinds per task; what comes beyond shares one. A `kind` that echoes user data must not fill the memory. */
const maxKinds = 64;

const surprisesToDemote = 5;
/** Inline runs after which old surprises are forgotten. */
const surpriseWindow = 100;
/** A surprise of this length, longer than a usual time slice of the kernel, counts for three. */
const shockUs = 20_000;
const shockWeight = 3;
const firstDemotionMs = 10_000;
const longestDemotionMs = 600_000;

/** The calibrated view of one kind. Costs in µs. */
export interface KindEstimate {
  /** The likely run of a call of this stated cost, in µs. */
  likelyUs(cost: number): number;
  /** What nine runs of ten stay below, in µs. */
  p90Us(cost: number): number;
  /** Seen often enough on threads, and always synchronous. */
  readonly known: boolean;
  /** Known, and not demoted. */
  mayRunInline(nowMs: number): boolean;
  learn(cost: number, runUs: number, sync: boolean): void;
  /** An inline run; one beyond `surpriseUs` counts against the kind. */
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
  const number = typeof cost === 'number' && !Number.isNaN(cost) ? cost : 1_000;
  return Math.min(Math.max(number, minCostUs), maxCostUs);
}

/** Runs divided by their stated costs, in a sliding window: its median corrects, its p90 is the caution. */
export function createKindEstimate(): KindEstimate {
  const ratios = new Float64Array(windowSize);
  let runs = 0;
  let threadRuns = 0;
  let everAsync = false;
  let median = 1;
  let p90 = 1;
  let surprises = 0;
  let inlineRuns = 0;
  let demotedUntilMs = Number.NEGATIVE_INFINITY;
  let demotionMs = firstDemotionMs;

  function remember(cost: number, runUs: number): void {
    ratios[runs % windowSize] = Math.min(Math.max(runUs / cost, minRatio), maxRatio);
    runs++;
    // A full window moves slowly: looking at every fourth run is enough, and four times cheaper.
    if (runs > windowSize && runs % 4 !== 0) return;
    const sorted = ratios.slice(0, Math.min(runs, windowSize)).sort();
    median = sorted[Math.floor((sorted.length - 1) * 0.5)] ?? 1;
    p90 = sorted[Math.ceil((sorted.length - 1) * 0.9)] ?? 1;
  }

  function demote(nowMs: number): void {
    demotedUntilMs = nowMs + demotionMs;
    demotionMs = Math.min(demotionMs * 2, longestDemotionMs);
    threadRuns = 0;
    surprises = 0;
  }

  return {
    likelyUs: (cost) => cost * median,
    p90Us: (cost) => cost * p90,
    get known() {
      return threadRuns >= knownRuns && !everAsync;
    },
    mayRunInline: (nowMs) => threadRuns >= knownRuns && !everAsync && nowMs >= demotedUntilMs,
    learn(cost, runUs, sync) {
      threadRuns++;
      if (!sync) everAsync = true;
      remember(cost, runUs);
    },
    learnInline(cost, runUs, surpriseUs, nowMs) {
      remember(cost, runUs);
      if (++inlineRuns % surpriseWindow === 0) surprises = 0;
      if (runUs <= surpriseUs) return;
      surprises += runUs >= shockUs ? shockWeight : 1;
      if (surprises >= surprisesToDemote) demote(nowMs);
    },
  };
}
