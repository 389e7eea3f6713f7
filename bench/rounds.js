// The one way figures are made: A B C A B C …, never A A A B B B, so that what slows the machine down for a while
// meets every variant alike.

/**
 * @param {object} scenario
 * @param {boolean} [scenario.quick] leave out the variants that are `slow`: a quick run is to last a minute
 * @param {number} scenario.rounds
 * @param {readonly { name: string, label: string, slow?: boolean }[]} scenario.variants
 * @param {(text: string) => void} say told before each measurement
 * @param {(variant: object, round: number) => Promise<Record<string, unknown>>} measure
 * @returns for each variant its label and the values of every metric, one per round
 */
export async function interleave({ quick = false, rounds, variants: all, say }, measure) {
  const variants = quick ? all.filter(({ slow }) => !slow) : all;
  const results = new Map(variants.map(({ name, label }) => [name, { label, values: {} }]));
  for (let round = 0; round < rounds; round++) {
    for (const variant of variants) {
      say(`round ${round + 1}/${rounds}, ${variant.label}`);
      const { values } = results.get(variant.name);
      for (const [metric, value] of Object.entries(await measure(variant, round))) {
        values[metric] ??= [];
        values[metric].push(value);
      }
    }
  }
  return Object.fromEntries(results);
}
