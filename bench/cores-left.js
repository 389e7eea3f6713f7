// What the load leaves of the cores: it comes from the same machine, and what its process uses is not there for the
// server.
import { availableParallelism } from 'node:os';

const cores = availableParallelism();

/**
 * A rate for each core that the load generator left.
 * @param {number} perSecond
 * @param {number} [generatorShare] cores that its process used
 */
export function perCoreLeft(perSecond, generatorShare = 0) {
  return perSecond / (cores - generatorShare);
}
