// Two or more checkouts of this project, one beside the other: each probe measures all of them in turn, round by round,
// on several shapes of server processes × threads. What is told is the ratio to this checkout, made within each round.
// Measured against itself (`--variant again=.`), a checkout shows the noise.
import { resolve } from 'node:path';
import { interleave } from '../rounds.js';
import { millrace, startServer } from '../servers.js';

/** @typedef {import('./probes.js').Probe} Probe */
/** @typedef {{ name: string, root: string }} Checkout */
/** @typedef {{ workers: number, threads: number }} Shape */

/** @type {readonly Shape[]} */
export const defaultShapes = [
  { workers: 1, threads: 2 },
  { workers: 2, threads: 1 },
  { workers: 2, threads: 2 },
];

/** The checkout that this file belongs to. */
export const here = { name: 'this', root: resolve(import.meta.dirname, '../..') };

/** @param {Shape} shape */
export const shapeText = ({ workers, threads }) => `${workers} × ${threads}`;

/** @param {string} checkout @param {Shape} shape */
export const variantName = (checkout, { workers, threads }) => `${checkout}-${workers}x${threads}`;

/** @param {Checkout} checkout */
export const serverFile = ({ root }) => resolve(root, 'dist/src/main.js');

/** @param {Probe} probe @param {readonly Shape[]} shapes those that are asked for */
export function shapesOf(probe, shapes) {
  return probe.alone === undefined ? shapes : [{ workers: 1, threads: 2 }];
}

/**
 * @param {Probe} probe
 * @param {readonly Checkout[]} others
 * @param {readonly Shape[]} shapes
 * @param {{ quick: boolean, rounds: number, say: (text: string) => void }} options
 */
export async function compare(probe, others, shapes, { quick, rounds, say }) {
  const variants = shapesOf(probe, shapes).flatMap((shape) =>
    [here, ...others].map((checkout) => ({
      name: variantName(checkout.name, shape),
      label: `${checkout.name}, ${shapeText(shape)}`,
      root: checkout.root,
      spec: {
        ...millrace({
          ...probe.env,
          WORKERS: String(shape.workers),
          POOL_MAX_THREADS: String(shape.threads),
        }),
        file: serverFile(checkout),
      },
    })),
  );
  return interleave({ rounds, variants, say, alternate: true }, async ({ root, spec }) => {
    if (probe.alone !== undefined) return probe.alone(root, quick);
    const server = await startServer(spec);
    try {
      return (await probe.measure?.(server, quick)) ?? {};
    } finally {
      await server.close();
    }
  });
}

/**
 * @param {Probe} probe
 * @param {import('../rounds.js').Results} results
 * @param {readonly Checkout[]} others
 * @param {readonly Shape[]} shapes
 * @returns {import('../report/table.js').Table} how many times that of this checkout
 */
export function comparisonTable(probe, results, others, shapes) {
  const { metrics } = probe;
  return {
    columns: ['checkout, processes × threads', ...metrics.map(({ label }) => label)],
    rows: shapesOf(probe, shapes).flatMap((shape) => {
      const base = results[variantName(here.name, shape)];
      return [here, ...others].map((checkout) => {
        const values = results[variantName(checkout.name, shape)]?.values;
        return [
          `${checkout.name}, ${shapeText(shape)}`,
          ...metrics.map(({ name, unit }) =>
            checkout === here
              ? { metric: values?.[name], ...(unit && { unit }) }
              : { metric: values?.[name], base: base?.values[name] },
          ),
        ];
      });
    }),
  };
}
