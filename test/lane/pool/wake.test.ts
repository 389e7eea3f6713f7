import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openWake } from '#src/lane/pool/wake.js';
import { createControl } from '#src/thread/shared-rows.js';
import { wakeLane } from '#src/thread/wake-lane.js';
import { startLane } from '../../support/lane.js';

const isLinux = process.platform === 'linux';
if (!isLinux) console.log('skipped: a wake needs abstract names of sockets, which only Linux has');

/** A wake that is there, and how often it woke us. */
async function startWake() {
  let wakes = 0;
  const control = createControl(1);
  onTestFinished(openWake(control, () => wakes++));
  await expect.poll(() => control.wakeFd).toBeGreaterThanOrEqual(0);
  return { control, wakes: () => wakes };
}

describe.runIf(isLinux)('a wake', () => {
  it('comes from a thread in the middle of whatever it does', async () => {
    const { control, wakes } = await startWake();
    const before = wakes();
    const memory = new Int32Array(new SharedArrayBuffer(4));
    const thread = new Worker(
      `const { fd, memory } = require('node:worker_threads').workerData;
       require('node:fs').writeSync(fd, Uint8Array.of(1));
       Atomics.wait(memory, 0, 0);`,
      { eval: true, workerData: { fd: control.wakeFd, memory } },
    );
    await expect.poll(wakes).toBeGreaterThan(before);
    expect(Atomics.notify(memory, 0)).toBe(1);
    await once(thread, 'exit');
  });

  it('may be asked for more often than its socket holds, and still comes', async () => {
    const { control, wakes } = await startWake();
    const before = wakes();
    for (let i = 0; i < 10_000; i++) expect(wakeLane(control.wakeFd)).toBe(true);
    await expect.poll(wakes).toBeGreaterThan(before);
    for (let seen = before; seen < wakes(); await setImmediate()) seen = wakes();
    const after = wakes();
    expect(wakeLane(control.wakeFd)).toBe(true);
    await expect.poll(wakes).toBeGreaterThan(after);
  });

  it('takes the place of the message that a call is answered, once it is there', async () => {
    const { call } = await startLane({ poolMaxThreads: 1 });
    await expect
      .poll(async () => {
        await call('posts', {}).result;
        return (await call('posts', {}).result).body;
      })
      .toBe('{"posts":0}');
  });
});

describe('without a wake', () => {
  it('a thread is told so', () => {
    const control = createControl(1);
    expect(control.wakeFd).toBe(-1);
    expect(wakeLane(control.wakeFd)).toBe(false);
  });

  it('is what there is after its end, and before it was there', async () => {
    const control = createControl(1);
    const close = openWake(control, () => undefined);
    expect(control.wakeFd).toBe(-1);
    close();
    for (let i = 0; i < 20; i++) await setImmediate();
    expect(control.wakeFd).toBe(-1);
  });
});
