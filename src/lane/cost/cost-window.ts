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
  /** In the order of the runs, and in their own: sorting them anew costs twenty times as much as one move. */
  const ratios = new Float64Array(windowSize);
  const sorted = new Float64Array(windowSize);
  let runs = 0;
  let threadRuns = 0;
  let median = 1;
  let p90 = 1;
  let surprises = 0;
  let inlineRuns = 0;
  let demotedUntilMs = Number.NEGATIVE_INFINITY;
  let demotionMs = firstDemotionMs;

  function remember(cost: number, runUs: number): void {
    const place = runs % windowSize;
    const ratio = runUs / cost;
    if (runs < windowSize) insert(sorted, runs, ratio);
    else exchange(sorted, ratios[place] ?? 1, ratio);
    ratios[place] = ratio;
    runs++;
    const last = Math.min(runs, windowSize) - 1;
    median = sorted[Math.floor(last * 0.5)] ?? 1;
    p90 = sorted[Math.ceil(last * 0.9)] ?? 1;
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

/** Puts one more value into its place among the first `length`, which are in order. */
function insert(sorted: Float64Array, length: number, value: number): void {
  let at = length;
  while (at > 0 && (sorted[at - 1] ?? 0) > value) {
    sorted[at] = sorted[at - 1] ?? 0;
    at--;
  }
  sorted[at] = value;
}

/** Takes one value out and puts another into its place. */
function exchange(sorted: Float64Array, old: number, value: number): void {
  let at = sorted.indexOf(old);
  while (at + 1 < sorted.length && (sorted[at + 1] ?? 0) < value) {
    sorted[at] = sorted[at + 1] ?? 0;
    at++;
  }
  while (at > 0 && (sorted[at - 1] ?? 0) > value) {
    sorted[at] = sorted[at - 1] ?? 0;
    at--;
  }
  sorted[at] = value;
}
