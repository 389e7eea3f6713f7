import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { getPriority } from 'node:os';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { startCluster } from './support/cluster.js';

const compiled = new URL('../dist/src/priority.js', import.meta.url).href;

if (process.platform !== 'linux') console.log('skipped: threads have priorities of their own on Linux only');

/** How far every thread of a new process that has run this stands behind this one; its own first. */
async function nicenesses(script: string): Promise<number[]> {
  const own = getPriority();
  const list = `
    import { readdirSync } from 'node:fs';
    import { getPriority, setPriority } from 'node:os';
    import { once } from 'node:events';
    import { Worker } from 'node:worker_threads';
    import { stepBackLibuv, stepBackV8 } from ${JSON.stringify(compiled)};
    ${script}
    const threads = readdirSync('/proc/self/task').map(Number).sort((a, b) => a - b);
    console.log(JSON.stringify(threads.map((id) => getPriority(id))));
    process.exit();`;
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', list], {
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  return JSON.parse(stdout).map((nice: number) => nice - own);
}

describe.runIf(process.platform === 'linux')('stepping back', () => {
  it('is what four threads of V8 do, and no other of the process', async () => {
    const [main, ...others] = await nicenesses('stepBackV8(7);');
    expect(main).toBe(0);
    expect(others.filter((nice) => nice === 7)).toHaveLength(4);
    expect(others.filter((nice) => nice !== 7).every((nice) => nice === 0)).toBe(true);
    // The first is not V8's, the four behind it are.
    expect(others.slice(0, 6)).toEqual([0, 7, 7, 7, 7, 0]);
  });

  it('is what the four threads of libuv do, and those that they start', async () => {
    const [main, ...others] = await nicenesses('await stepBackLibuv(7);');
    expect(main).toBe(0);
    expect(others.filter((nice) => nice === 7)).toHaveLength(4);
    expect(others.slice(0, 6).every((nice) => nice === 0)).toBe(true);
  });

  it('is what the threads of a server process do where tasks leave their work to native code', async () => {
    await using cluster = await startCluster({ env: { WORKERS: '1', POOL_NICE: '6' } });
    const [pid] = cluster.serverPids();
    const ids = readdirSync(`/proc/${pid}/task`).map(Number);
    const stepped = ids.filter((id) => getPriority(id) === getPriority() + 6);
    // Four of V8's, four of libuv's, and the thread of the pool.
    expect(stepped).toHaveLength(9);
    expect(stepped).not.toContain(pid);
  });

  it('is what a thread of the pool does alone', async () => {
    const thread = `const { stepBack } = await import(${JSON.stringify(compiled)});
      stepBack(9);
      const { parentPort } = await import('node:worker_threads');
      parentPort.on('message', () => undefined);
      parentPort.postMessage('up');`;
    const all = await nicenesses(
      `await once(new Worker(new URL(${JSON.stringify(`data:text/javascript,${encodeURIComponent(thread)}`)})), 'message');`,
    );
    expect(all.filter((nice) => nice === 9)).toHaveLength(1);
    expect(all.filter((nice) => nice === 0)).toHaveLength(all.length - 1);
  });

  it('counts from the priority of the event loop', async () => {
    expect((await nicenesses('setPriority(getPriority() + 3); stepBackV8(7);')).slice(0, 3)).toEqual([
      3, 0, 10,
    ]);
  });

  it('is left alone at 0', async () => {
    expect((await nicenesses('stepBackV8(0); await stepBackLibuv(0);')).every((nice) => nice === 0)).toBe(
      true,
    );
  });
});
