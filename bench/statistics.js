// Numbers from numbers. Medians and full ranges: with a handful of rounds on a noisy machine, a mean would mostly tell
// of the worst round.

/** @param {ArrayLike<number>} sorted ascending @param {number} share 0 to 1 */
export function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] ?? Number.NaN;
}

/** @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** @param {readonly number[]} values one per round */
export function spread(values) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/**
 * Round by round, then the spread: what slowed the machine down in a round slowed down both.
 * @param {readonly number[]} values @param {readonly number[]} base
 */
export function ratio(values, base) {
  return spread(values.map((value, round) => value / (base[round] ?? Number.NaN)));
}

/** How many of a round's slowest are kept: enough for the p99.9 of up to 20 rounds of a thousand requests. */
const slowestKept = 20;

/** @param {readonly number[]} latenciesMs in any order @returns {number[]} descending, to the µs */
export function slowest(latenciesMs) {
  const sorted = Float64Array.from(latenciesMs).sort();
  return Array.from(sorted.slice(-slowestKept).reverse(), (ms) => Math.round(ms * 1_000) / 1_000);
}

/**
 * The percentile of all rounds together: the p99.9 of one round of a thousand requests would be its second-slowest.
 * @param {readonly number[]} counts requests of each round
 * @param {readonly (readonly number[])[]} slowestOfRounds the slowest of each
 * @param {number} share 0 to 1
 * @returns {number | undefined} undefined where it lies below those that were kept
 */
export function pooledPercentile(counts, slowestOfRounds, share) {
  const all = counts.reduce((sum, count) => sum + count, 0);
  // How many are slower, as percentile() has it. All of them may be of one round.
  const above = all - Math.ceil(share * all);
  if (slowestOfRounds.some((kept, round) => above >= kept.length && kept.length < (counts[round] ?? 0)))
    return undefined;
  return slowestOfRounds.flat().sort((a, b) => b - a)[above];
}

/** @param {readonly number[]} latenciesMs in any order */
export function latencySummary(latenciesMs) {
  const sorted = Float64Array.from(latenciesMs).sort();
  return {
    count: sorted.length,
    p50: percentile(sorted, 0.5),
    p90: percentile(sorted, 0.9),
    p99: percentile(sorted, 0.99),
    p999: percentile(sorted, 0.999),
    max: percentile(sorted, 1),
  };
}
