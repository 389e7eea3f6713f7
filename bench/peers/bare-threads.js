// As many threads as cores, each calling the same function over and over: no HTTP, no queue, nobody to answer. The
// limit for CPU. It takes its job by `argument`, prints calls per second, and ends.
import { cpus } from 'node:os';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { primes } from './work.js';

if (isMainThread) {
  const [limit, warmMs, durationMs = Number.NaN] = process.argv.slice(2, 5).map(Number);
  const expected = process.argv[5];
  const counts = cpus().map(
    () =>
      new Promise((resolve, reject) => {
        new Worker(new URL(import.meta.url), { workerData: { limit, warmMs, durationMs, expected } })
          .on('message', resolve)
          .on('error', reject);
      }),
  );
  const calls = (await Promise.all(counts)).reduce((sum, one) => sum + one, 0);
  console.log(JSON.stringify({ perSecond: (calls * 1_000) / durationMs }));
} else {
  const { limit, warmMs, durationMs, expected } = workerData;
  const fromMs = performance.now() + warmMs;
  while (performance.now() < fromMs) primes(limit);
  const startMs = performance.now();
  let calls = 0;
  while (performance.now() < startMs + durationMs) {
    if (JSON.stringify(primes(limit)) !== expected) throw new Error('a wrong answer');
    calls++;
  }
  // The last call ended a little late: counted as the share that fell inside.
  parentPort?.postMessage((calls * durationMs) / (performance.now() - startMs));
}
