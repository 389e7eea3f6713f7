// The one way figures are made: A B C A B C …, never A A A B B B, so that what slows the machine down for a while
// meets every variant alike.

/**
 * @typedef {object} Row
 * @property {string} label
 * @property {string} [measured] the day, where it was not this run's
 * @property {Record<string, number[]>} values of every metric, one per round
 * @property {Record<string, (string | readonly number[])[]>} [notes] what else each round told
 */
/** @typedef {Record<string, Row>} Results by the names of the variants */
/** @typedef {Record<string, number | string | readonly number[]>} Measurement numbers are metrics, the rest notes */

/**
 * @template {{ name: string, label: string, slow?: boolean }} Variant
 * @param {object} scenario
 * @param {boolean} [scenario.quick] leave out the variants that are `slow`: a quick run is to last a minute
 * @param {number} scenario.rounds
 * @param {readonly Variant[]} scenario.variants
 * @param {(text: string) => void} scenario.say told before each measurement
 * @param {boolean} [scenario.alternate] every second round in the opposite order: what gets slower all the time, or
 *   faster, then meets both ends alike
 * @param {(variant: Variant, round: number) => Promise<Measurement>} measure
 */
export async function interleave({ quick = false, rounds, variants: all, say, alternate = false }, measure) {
  const variants = quick ? all.filter(({ slow }) => !slow) : all;
  /** @type {Results} */
  const results = {};
  for (let round = 0; round < rounds; round++) {
    const order = alternate && round % 2 === 1 ? variants.toReversed() : variants;
    for (const variant of order) {
      say(`round ${round + 1}/${rounds}, ${variant.label}`);
      const row = results[variant.name] ?? { label: variant.label, values: {} };
      results[variant.name] = row;
      for (const [metric, value] of Object.entries(await measure(variant, round))) {
        if (typeof value === 'number') row.values[metric] = [...(row.values[metric] ?? []), value];
        else row.notes = { ...row.notes, [metric]: [...(row.notes?.[metric] ?? []), value] };
      }
    }
  }
  return results;
}
