import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openWake } from '#src/lane/pool/wake.js';
import { createLogger } from '#src/log.js';
import { createControl } from '#src/thread/shared-rows.js';
import { wakeLane } from '#src/thread/wake-lane.js';
import { createLatch, outcome, startLane } from '../../support/lane.js';

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
    const ended = once(thread, 'exit');
    // It was in the middle of it: it may not wait yet.
    await expect.poll(() => Atomics.notify(memory, 0)).toBe(1);
    await ended;
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

  it('is closed with its lane, or when the last thread has ended that was left to a call', async () => {
    const before = openSockets();
    const { call, lane } = await startLane({ poolMaxThreads: 1 }, createLogger('silent', {}), {
      folders: ['tasks/posts.js', 'native/linger.js'].map((file) => fileURLToPath(new URL(file, fixtures))),
    });
    const posts = async () => {
      await call('posts', {}).result;
      return (await call('posts', {}).result).body;
    };
    await expect.poll(posts).toBe('{"posts":0}');
    const isOurs = (socket: string) => !before.includes(socket);
    // The one that listened goes as soon as both ends are there.
    await expect.poll(() => openSockets().filter(isOurs)).toHaveLength(2);
    const ends = openSockets().filter(isOurs);
    const left = () => openSockets().filter((socket) => ends.includes(socket));
    const latch = createLatch();
    const lingering = call('linger', { how: 'gate', memory: latch.memory });
    await latch.begun(1);
    lingering.cancel();
    expect(await outcome(lingering)).toBe('CallCancelled');
    await expect.poll(() => lane.status().threads.leftover).toBe(1);
    expect(await lane.close()).toMatchObject({ isQuiet: false });
    expect(left()).toEqual(ends);
    latch.open(1);
    await expect.poll(left).toEqual([]);
  });
});

const fixtures = new URL('../../fixtures/', import.meta.url);

/** Of this process, by their inodes. */
function openSockets(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.startsWith('socket:') ? [target] : [];
    } catch {
      return [];
    }
  });
}

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
