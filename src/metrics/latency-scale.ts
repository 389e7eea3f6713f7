// A logarithmic scale of latencies: eight cells for each doubling from 1 µs, so that a percentile is right to 5 %.
// For the dashboard's percentiles of the last second; what is scraped has the coarser buckets of families.ts.

const cellsPerDoubling = 8;
/** Beyond 2^26 µs (67 s) all is one. */
const cells = 26 * cellsPerDoubling;

export function emptyScale(): number[] {
  return new Array<number>(cells).fill(0);
}

export function addLatency(scale: number[], seconds: number): void {
  const cell = Math.floor(Math.log2(seconds * 1e6) * cellsPerDoubling);
  const index = cell > 0 ? Math.min(cell, cells - 1) : 0;
  scale[index] = (scale[index] ?? 0) + 1;
}

/** @returns ms, or null where nothing was counted */
export function latencyPercentile(scale: readonly number[], share: number): number | null {
  const count = scale.reduce((sum, one) => sum + one, 0);
  if (count === 0) return null;
  let left = Math.max(1, Math.ceil(count * share));
  const index = scale.findIndex((one) => {
    left -= one;
    return left <= 0;
  });
  return 2 ** ((index + 0.5) / cellsPerDoubling) / 1_000;
}
