// One side of the hop scenario, in a process of its own: calls of 100 µs, and what they cost the main thread. No HTTP.
// It counts on-CPU time (schedstat), which a busy machine does not blur, not how long the loop was occupied.
import { Piscina } from 'piscina';
import { createLane } from '#src/lane/lane.js';
import { loadTasks } from '#src/tasks/registry.js';
import { mainThreadMs } from './process-tree.js';

const [side = '', concurrency, warmCalls, calls] = process.argv.slice(2);
const input = { operation: 'nqueens', n: 9 };
const answer = JSON.stringify({ operation: 'nqueens', result: { solutions: 352 } });

const { call, close } = await (side === 'lane' ? laneSide() : piscinaSide());
await many(Number(warmCalls));
const beforeMs = mainThreadMs();
await many(Number(calls));
const loopUs = ((mainThreadMs() - beforeMs) * 1_000) / Number(calls);
await close();
process.stdout.write(JSON.stringify({ loopUs }));

/** @param {number} count */
async function many(count) {
  let left = count;
  async function client() {
    while (left-- > 0) {
      if ((await call()) !== answer) throw new Error('a wrong answer');
    }
  }
  await Promise.all(Array.from({ length: Number(concurrency) }, client));
}

async function laneSide() {
  const tasks = await loadTasks([new URL('../dist/workers/', import.meta.url).pathname]);
  const task = tasks.find(({ name }) => name === 'compute');
  if (task === undefined) throw new Error('there is no task compute');
  const config = {
    poolMinThreads: 2,
    poolMaxThreads: 2,
    inlineMaxUs: 0,
    queueMaxWaitMs: 60_000,
    taskTimeoutMs: 600_000,
  };
  const lane = createLane({ tasks, config });
  await lane.warm();
  const options = { client: 'bench', requestId: 'bench' };
  return {
    call: async () => (await lane.call(task, { type: 'value', value: input }, options).result).body,
    close: () => lane.close(),
  };
}

async function piscinaSide() {
  const filename = new URL('./peers/piscina-queens.js', import.meta.url).href;
  const pool = new Piscina({ filename, minThreads: 2, maxThreads: 2 });
  return {
    // The lane's result is the answer's JSON; piscina's is still to be made into it.
    call: async () => JSON.stringify(await pool.run(input.n)),
    close: () => pool.destroy(),
  };
}
