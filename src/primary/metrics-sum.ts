// Sums of what server processes counted, series by series. Those of a process that has gone stay in the sum, so that
// a counter never goes back when a process is replaced.
import type { Series } from '../metrics/families.js';

/** By family and labels. */
export type SeriesSums = Map<string, Series>;

/** Adds in place. */
export function addSeries(sums: SeriesSums, series: readonly Series[]): SeriesSums {
  for (const { family, labels, values } of series) {
    const key = JSON.stringify([family, ...labels]);
    const sum = sums.get(key);
    if (sum === undefined) sums.set(key, { family, labels, values: [...values] });
    else for (const [place, value] of values.entries()) sum.values[place] = (sum.values[place] ?? 0) + value;
  }
  return sums;
}
