import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createThreads } from '#src/lane/pool/threads.js';
import type { CallReply } from '#src/tasks/reply.js';
import { packCalls } from '#src/thread/protocol.js';
import { readReplies } from '#src/thread/reply-buffer.js';
import { createControl } from '#src/thread/shared-rows.js';
import { createLatch, fixtureTasks, outcome, startLane } from '../../support/lane.js';

const breaking = fileURLToPath(new URL('../../fixtures/breaking-tasks', import.meta.url));

/** One, alone, with the task `misbehave`. */
async function startThread(onDeath: (error: unknown) => void = () => {}) {
  const control = createControl(1);
  const threads = createThreads(
    {
      min: 1,
      max: 1,
      maxJobs: 1,
      nice: 0,
      idleTimeoutMs: 30_000,
      maxHeapMb: 64,
      data: {
        control: control.memory,
        rows: 1,
        nice: 0,
        tasks: [{ module: `file://${fixtureTasks}/misbehave.js`, runFrom: undefined, output: undefined }],
      },
      served: () => [],
    },
    {
      changed() {},
      log() {},
      died: onDeath,
      outdated() {},
      unstartable() {},
      refused() {},
      granted() {},
      stuck() {},
      worn() {},
      unusable() {},
    },
  );
  onTestFinished(async () => void (await threads.close()));
  await threads.warm();
  const call = { task: 0, deadlineMs: undefined, client: 'test', requestId: undefined, traceId: undefined };
  const row = control.row(0);
  const send = (how: string): Promise<CallReply | undefined> =>
    new Promise((answered, lost) => {
      const message = packCalls(0, [{ ...call, input: { type: 'value', value: { how } } }]);
      threads.run({ row, message, transfer: [], answered, leftBehind() {}, lost });
    });
  return { control, threads, row, send };
}

describe('the threads', () => {
  it('post that they have answered', async () => {
    const { threads, row, send } = await startThread();
    expect(await send('ok')).toBeUndefined();
    expect(readReplies(row.replies, row.done)).toMatchObject([{ type: 'done', body: '{"ok":true}' }]);
    expect(threads.idle).toBe(1);
  });

  it('that die behind an answer which nobody has seen yet are told of all the same', async () => {
    let deaths = 0;
    const { control, row, send, threads } = await startThread(() => deaths++);
    // Wakes nobody: the thread's end is seen first.
    const nowhere = openSync('/dev/null', 'w');
    onTestFinished(() => closeSync(nowhere));
    control.wakeFd = nowhere;
    expect(await send('exit later')).toBeUndefined();
    expect(readReplies(row.replies, row.done)).toMatchObject([{ type: 'done', body: '{}' }]);
    expect(deaths).toBe(1);
    await expect.poll(() => threads.idle, { timeout: 60_000 }).toBe(1);
  });

  it('above the minimum are ended once they were idle for long, and started again when they are needed', async () => {
    const { call, lane } = await startLane({ poolMinThreads: 1, poolMaxThreads: 3, poolIdleTimeoutMs: 100 });
    // A gate each, for each is a kind of its own: what was held for 100 ms is long, and gets no thread for the third.
    for (const gate of [1, 2]) {
      const latch = createLatch();
      const calls = [1, 2, 3].map(() => call('latch', { memory: latch.memory, gate }));
      await latch.begun(3);
      latch.open(gate);
      await Promise.all(calls.map(outcome));
      await expect.poll(() => lane.status().threads).toMatchObject({ busy: 0, idle: 1, max: 3 });
    }
  });

  it('take a call while another one is still being started', async () => {
    const latch = createLatch();
    const { call } = await startLane({ poolMinThreads: 1, poolMaxThreads: 3 }, undefined, {
      folders: [fixtureTasks, breaking],
    });
    process.env.HOLD_THREADS = '1';
    onTestFinished(() => void delete process.env.HOLD_THREADS);
    const first = call('latch', { memory: latch.memory, gate: 1 });
    await latch.begun(1);
    const second = call('breaking', {});
    latch.open(1);
    expect(await outcome(first)).toMatchObject({ gate: 1 });
    expect(await outcome(second)).toEqual({ ok: true });
  });
});
