// The kinds of load, by name.
import { closedLoop } from './closed-loop.js';
import { crowd } from './crowd.js';
import { openLoop } from './open-loop.js';
import { saturating } from './saturating.js';

/**
 * @typedef {object} Call
 * @property {{ method?: string, path: string, headers?: Record<string, string>, body?: string }} request
 * @property {{ status?: number, equals?: string, startsWith?: string }} expected the right answer; its status is 200 if
 *   nothing else is said
 */

/**
 * @typedef {object} Jobs
 * @property {import('./closed-loop.js').ClosedLoopJob} closedLoop
 * @property {import('./crowd.js').CrowdSettings} crowd
 * @property {import('./open-loop.js').OpenLoopJob} openLoop
 * @property {import('./saturating.js').SaturatingJob} saturating
 */

/**
 * @typedef {object} Results
 * @property {Awaited<ReturnType<typeof closedLoop>>} closedLoop
 * @property {Awaited<ReturnType<typeof crowd>>} crowd
 * @property {Awaited<ReturnType<typeof openLoop>>} openLoop
 * @property {Awaited<ReturnType<typeof saturating>>} saturating
 */

/** @typedef {{ [K in keyof Jobs]: Jobs[K] & { kind: K } }[keyof Jobs]} Order */

/** @param {Order} order @param {Promise<unknown>} stopped ends a closed loop before its time */
export function doJob(order, stopped) {
  if (order.kind === 'closedLoop') return closedLoop(order, stopped);
  if (order.kind === 'crowd') return crowd(order);
  return order.kind === 'openLoop' ? openLoop(order) : saturating(order);
}
