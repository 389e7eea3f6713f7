// Measures the limit for CPU: peers/bare-threads.js in a process of its own.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const script = fileURLToPath(new URL('./peers/bare-threads.js', import.meta.url));

/** @param {number} limit the call, as in calls.js @returns {Promise<number>} calls per second of all cores together */
export async function bareThreadsPerSecond(limit, warmMs, durationMs) {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [script, limit, warmMs, durationMs].map(String),
  );
  return JSON.parse(stdout).perSecond;
}
