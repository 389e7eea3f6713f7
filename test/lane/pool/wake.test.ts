import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createWake } from '#src/lane/pool/wake.js';
import { ring } from '#src/thread/wake-lane.js';

if (process.platform !== 'linux') console.log('skipped: a wake needs abstract sockets, which only Linux has');

/** A wake, and how often it woke us. */
async function startWake() {
  let wakes = 0;
  const wake = await createWake(() => wakes++);
  if (wake === undefined) throw new Error('there is none');
  onTestFinished(() => wake.close());
  return { fd: wake.fd, wakes: () => wakes };
}

describe.runIf(process.platform === 'linux')('a wake', () => {
  it('is rung by a thread, in the middle of whatever it does', async () => {
    const { fd, wakes } = await startWake();
    const before = wakes();
    const memory = new Int32Array(new SharedArrayBuffer(4));
    const thread = new Worker(
      `const { fd, memory } = require('node:worker_threads').workerData;
       require('node:fs').writeSync(fd, Uint8Array.of(1));
       Atomics.wait(memory, 0, 0);`,
      { eval: true, workerData: { fd, memory } },
    );
    await expect.poll(wakes).toBeGreaterThan(before);
    expect(Atomics.notify(memory, 0)).toBe(1);
    await once(thread, 'exit');
  });

  it('may be rung more often than its socket holds, and still wakes', async () => {
    const { fd, wakes } = await startWake();
    const before = wakes();
    for (let i = 0; i < 10_000; i++) expect(ring(fd)).toBe(true);
    await expect.poll(wakes).toBeGreaterThan(before);
    for (let seen = before; seen < wakes(); await setImmediate()) seen = wakes();
    const after = wakes();
    expect(ring(fd)).toBe(true);
    await expect.poll(wakes).toBeGreaterThan(after);
  });

  it('says so where it cannot be rung', () => {
    expect(ring(-1)).toBe(false);
  });
});
