import { expect, it, onTestFinished } from 'vitest';
import type { CallMeter, CallOptions } from '#src/lane/call.js';
import { createLane } from '#src/lane/lane.js';
import { loadTasks } from '#src/tasks/registry.js';
import { createLatch, fixtureTasks, outcome } from '../support/lane.js';

/** Notes what it is told; everybody may use what there is. */
function notingMeter() {
  const charges: { ranMs: number[] }[] = [];
  let told: () => void = () => undefined;
  const meter: CallMeter = {
    check: () => undefined,
    charge() {
      const charge: { ranMs: number[] } = { ranMs: [] };
      charges.push(charge);
      return {
        ran(runMs) {
          charge.ranMs.push(runMs);
          told();
        },
      };
    },
  };
  /** Resolves when a call has been told of so often. */
  const ranTimes = (times: number, place: number): Promise<readonly number[]> =>
    new Promise((resolve) => {
      told = () => {
        const ranMs = charges[place]?.ranMs ?? [];
        if (ranMs.length >= times) resolve(ranMs);
      };
      told();
    });
  return { meter, charges, ranTimes };
}

async function meteredLane() {
  const noting = notingMeter();
  const tasks = await loadTasks([`${fixtureTasks}/latch.js`]);
  const [task] = tasks;
  if (task === undefined) throw new Error('no such task');
  const config = { poolMaxThreads: 1, poolNice: 0, cancelGraceMs: 50, queueMaxWaitMs: 5_000 };
  const lane = createLane({ tasks, config, meter: noting.meter });
  onTestFinished(async () => {
    await lane.close();
  });
  await lane.warm();
  const latch = createLatch();
  const call = (gate: number, us = 1_000, options: Partial<CallOptions> = {}) =>
    lane.call(
      task,
      { type: 'value', value: { memory: latch.memory, gate, us } },
      { client: 'ann', ...options },
    );
  return { ...noting, latch, call };
}

it('a call that is answered before it stops is charged for what it ran, and then for what it really took', async () => {
  const { latch, call, ranTimes } = await meteredLane();
  const held = call(1);
  await latch.begun(1);
  held.cancel();
  expect(await outcome(held)).toBe('CallCancelled');
  const [first = 0, last = 0, ...more] = await ranTimes(2, 0);
  // It blocks its thread, which is ended: not before its time to stop is over.
  expect(last).toBeGreaterThan(first);
  expect(more).toEqual([]);
});

it('a call that waits, and is not let run in the end, costs its client nothing; one that runs is charged once', async () => {
  const { latch, call, charges } = await meteredLane();
  const held = call(1);
  await latch.begun(1);
  const waiting = call(1);
  waiting.cancel();
  expect(await outcome(waiting)).toBe('CallCancelled');
  expect(charges[1]?.ranMs).toEqual([0]);
  latch.open(1);
  await held.result;
  expect(charges[0]?.ranMs).toEqual([expect.any(Number)]);
});

it('a call that comes after its deadline is charged nothing, nor is one that is refused', async () => {
  const { latch, call, charges } = await meteredLane();
  expect(() => call(1, 1_000, { deadlineMs: 0 })).toThrow('The deadline passed');
  expect(charges).toEqual([]);
  const held = call(1, 300_000_000);
  await latch.begun(1);
  expect(() => call(1)).toThrow('More work is waiting');
  expect(charges[1]?.ranMs).toEqual([0]);
  latch.open(1);
  await held.result;
});
