// What a scenario is: something that is measured, and its table.

/**
 * @typedef {object} RunOptions
 * @property {boolean} quick briefly and in part: to see that all is well
 * @property {number} rounds
 * @property {(text: string) => void} say told before each measurement
 * @property {import('../results.js').Result | undefined} [previous] the committed result of the scenario
 */

/**
 * @typedef {object} Measured
 * @property {Record<string, unknown>} settings
 * @property {import('../rounds.js').Results} variants
 */

/**
 * @typedef {object} Scenario
 * @property {string} name
 * @property {string} title
 * @property {readonly string[]} sources that its figures depend on: paths of files, or `folder/**`
 * @property {boolean} [pending] it has no committed result yet: to be measured
 * @property {number} rounds how often each variant is measured
 * @property {(options: RunOptions) => Promise<Measured>} run
 * @property {(result: Measured) => import('../report/table.js').Table} table
 */

export {};
