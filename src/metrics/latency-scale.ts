// A logarithmic scale of latencies: eight cells for each doubling from 1 µs, so that a percentile is right to 5 %.
// For percentiles of the last second or minute; what is scraped has the coarser buckets of families.ts. A scale is as long
// as its highest cell asks for: most of them travel between processes every second.

const cellsPerDoubling = 8;
/** Beyond 2^26 µs (67 s) all is one. */
const cells = 26 * cellsPerDoubling;

export function addLatency(scale: number[], seconds: number): void {
  const cell = Math.floor(Math.log2(seconds * 1e6) * cellsPerDoubling);
  addToCell(scale, cell > 0 ? Math.min(cell, cells - 1) : 0, 1);
}

/** What one scale has beyond an earlier state of itself is added to another. @returns how many that were */
export function addGrowth(sum: number[], later: readonly number[], earlier: readonly number[] = []): number {
  let grown = 0;
  for (const [cell, total] of later.entries()) {
    const fresh = total - (earlier[cell] ?? 0);
    if (fresh === 0) continue;
    addToCell(sum, cell, fresh);
    grown += fresh;
  }
  return grown;
}

/** No holes: they would be null in JSON. */
function addToCell(scale: number[], cell: number, amount: number): void {
  while (scale.length <= cell) scale.push(0);
  scale[cell] = (scale[cell] ?? 0) + amount;
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
  return Number((2 ** ((index + 0.5) / cellsPerDoubling) / 1_000).toPrecision(3));
}
