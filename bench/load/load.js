// Runs a load in a process of its own and sees that every answer was right.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const generator = fileURLToPath(new URL('./generator.js', import.meta.url));

/**
 * What measures latency goes before everything else, so that it measures the server and not its own wait for a core;
 * it costs a few per cent of one core. Other load runs like the servers do.
 */
const niceness = { openLoop: -10, closedLoop: 0, saturating: 0 };

/**
 * @param {'openLoop' | 'closedLoop' | 'saturating'} kind
 * @param {object} job see the file of that kind
 * @param {Promise<unknown>} [stopped] ends a closed loop before its time
 */
export async function load(kind, job, stopped) {
  const child = fork(generator, [String(job.niceness ?? niceness[kind])]);
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
  if (result.wrong > 0) throw new Error(`${result.wrong} wrong answers from ${job.request.path}`);
  return result;
}
