// What calls of one kind and about the same stated cost really took, and whether such calls may run inline. The
// windows of a kind, one beside the other, are estimate.ts.

/** Runs remembered: a window that forgets the first, cold runs and follows a machine that slows down. */
const windowSize = 32;
/** Calls are known once they were seen this often on threads. */
const knownRuns = 20;

const surprisesToDemote = 5;
/** Inline runs after which old surprises are forgotten. */
const surpriseWindow = 100;
/** A surprise of this length, longer than a usual time slice of the kernel, counts for three. */
const shockUs = 20_000;
const shockWeight = 3;
const firstDemotionMs = 10_000;
const longestDemotionMs = 600_000;

/** Runs divided by their stated costs, in a sliding window: its median corrects, its p90 is the caution. */
export interface CostWindow {
  readonly median: number;
  readonly p90: number;
  /** Seen often enough on threads since it was last demoted. */
  readonly known: boolean;
  isDemoted(nowMs: number): boolean;
  learn(cost: number, runUs: number): void;
  /** An inline run; one beyond `surpriseUs` counts against the calls of this window. */
  learnInline(cost: number, runUs: number, surpriseUs: number, nowMs: number): void;
}

export function createCostWindow(): CostWindow {
  const ratios = new Float64Array(windowSize);
  let runs = 0;
  let threadRuns = 0;
  let median = 1;
  let p90 = 1;
  let surprises = 0;
  let inlineRuns = 0;
  let demotedUntilMs = Number.NEGATIVE_INFINITY;
  let demotionMs = firstDemotionMs;

  function remember(cost: number, runUs: number): void {
    ratios[runs % windowSize] = runUs / cost;
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
    get median() {
      return median;
    },
    get p90() {
      return p90;
    },
    get known() {
      return threadRuns >= knownRuns;
    },
    isDemoted: (nowMs) => nowMs < demotedUntilMs,
    learn(cost, runUs) {
      threadRuns++;
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
