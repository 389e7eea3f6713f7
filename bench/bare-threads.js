// Measures the limit for CPU: peers/bare-threads.js in a process of its own.
import { fileURLToPath } from 'node:url';
import { runScript } from './children.js';

const script = fileURLToPath(new URL('./peers/bare-threads.js', import.meta.url));

/**
 * @param {{ limit: number, expected: { equals: string } }} call as in calls.js
 * @param {number} warmMs @param {number} durationMs
 * @returns {Promise<number>} calls per second of all cores together
 */
export async function bareThreadsPerSecond({ limit, expected }, warmMs, durationMs) {
  const { perSecond } = await runScript(script, [limit, warmMs, durationMs, expected.equals]);
  return perSecond;
}
