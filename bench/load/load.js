// Runs a load in a process of its own and sees that every answer was right.
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { keepTrack } from '../children.js';

const generator = fileURLToPath(new URL('./generator.js', import.meta.url));

/**
 * What measures latency goes before everything else, so that it measures the server and not its own wait for a core;
 * it costs a few per cent of one core. A niceness of -10 is not enough for that: the kernel lets a running thread
 * finish its slice, some 3 ms, and with all cores busy the prober's p99 lateness was 3 ms and more; real-time it is
 * 0.3 ms. For seven seconds at most: from about the eighth on two such processes took both cores of a machine for
 * minutes and got nothing done (Node 20; why is not known). Only root may ask for it. Where that is not to be had the
 * results say so (`prober`).
 */
const realTime = ['-f', '1'];
const hasRealTime = process.platform === 'linux' && spawnSync('chrt', [...realTime, 'true']).status === 0;

/** @typedef {import('./kinds.js').Jobs} Jobs */
/** @typedef {import('./kinds.js').Results} Results */

/**
 * @template {keyof Jobs} K
 * @param {K} kind
 * @param {Jobs[K] & { probe?: boolean }} job see the file of that kind; with `probe: true` it measures latency, as an
 *   open loop does unless it says `false`; other load runs like the servers do
 * @param {Promise<unknown>} [stopped] ends a closed loop before its time
 * @returns {Promise<Results[K] & { generatorCpuMs: number, priority: string }>}
 */
export async function load(kind, job, stopped) {
  const probe = job.probe ?? kind === 'openLoop';
  // chrt becomes the command that it starts: the process and its channel stay the same.
  const first = probe && hasRealTime ? { execPath: 'chrt', execArgv: [...realTime, process.execPath] } : {};
  const child = keepTrack(fork(generator, [], first));
  const exited = once(child, 'exit');
  child.send({ kind, ...job });
  // Where that fails the caller hears of it by its own promise.
  stopped?.then(
    () => child.send('stop'),
    () => child.kill(),
  );
  const result = await Promise.race([
    once(child, 'message').then(([message]) => message),
    exited.then(([code]) => Promise.reject(new Error(`the load generator ended with ${code}`))),
  ]);
  await exited;
  if (result.wrong > 0)
    throw new Error(
      `${result.wrong} wrong answers from ${'request' in job ? job.request.path : job.target.port}`,
    );
  return result;
}
