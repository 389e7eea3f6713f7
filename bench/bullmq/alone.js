// BullMQ alone, without a server: jobs that wait already are taken by workers of its own. It takes its job by `argument`,
// prints how fast they were done, and ends. `plain`: an ordinary processor in one process for each core; `threads` and
// `processes`: its sandboxed processors, for each core one.
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Queue, Worker } from 'bullmq';
import { drain } from '../drain.js';
import { primes } from '../peers/work.js';

const [kind = '', port, limit, jobs, warmMs, durationMs] = process.argv.slice(2);
const connection = { host: '127.0.0.1', port: Number(port) };
const cores = availableParallelism();
/** A few jobs at once, so that the next one is there while the last one is handed in. */
const plainConcurrency = 4;

if (process.send === undefined) {
  const queue = new Queue('work', { connection });
  const batch = Array.from({ length: 1_000 }, () => ({ name: 'primes', data: Number(limit) }));
  for (let added = 0; added < Number(jobs); added += batch.length) await queue.addBulk(batch);
  const workers = Array.from({ length: kind === 'plain' ? cores : 1 }, () =>
    fork(fileURLToPath(import.meta.url), process.argv.slice(2)),
  );
  const left = () => queue.getJobCountByTypes('wait', 'active');
  const result = await drain(left, { warmMs: Number(warmMs), durationMs: Number(durationMs) });
  if ((await queue.getFailedCount()) > 0) throw new Error('jobs have failed');
  for (const worker of workers) worker.kill('SIGKILL');
  console.log(JSON.stringify(result));
  process.exit();
} else {
  process.once('disconnect', () => process.exit());
  const sandboxed = new URL('./processor.js', import.meta.url);
  const worker =
    kind === 'plain'
      ? new Worker('work', async ({ data }) => primes(data), { connection, concurrency: plainConcurrency })
      : new Worker('work', sandboxed, {
          connection,
          concurrency: cores,
          useWorkerThreads: kind === 'threads',
        });
  worker.on('error', (error) => console.error(error));
}
