// `limits.concurrent` of a task, on real threads.
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { createLatch, fixtureTasks, outcome, startLane } from '../support/lane.js';

const folders = [fixtureTasks, fileURLToPath(new URL('../fixtures/limited', import.meta.url))];

it('a task limited to one thread leaves the others to everybody else, however many of its calls wait', async () => {
  const latch = createLatch();
  const { call, lane } = await startLane({ poolMaxThreads: 2 }, undefined, { folders });
  const input = (gate: number) => ({ memory: latch.memory, gate });
  const first = call('single', input(1));
  await latch.begun(1);
  const leaver = call('single', input(2));
  const more = [2, 2].map((gate) => call('single', input(gate)));
  for (let i = 0; i < 20; i++) expect(await outcome(call('misbehave', { how: 'ok' }))).toEqual({ ok: true });
  expect(lane.status()).toMatchObject({ threads: { busy: 1 }, queue: { waiting: 3 } });
  expect(latch.count()).toBe(1);
  leaver.cancel();
  expect(await outcome(leaver)).toBe('CallCancelled');
  latch.open(1);
  await first.result;
  await latch.begun(2);
  latch.open(2);
  await Promise.all(more.map(({ result }) => result));
  expect([latch.count(), lane.status().queue.waiting]).toEqual([3, 0]);
});

it('its place is free again after a call that was ended with its thread', async () => {
  const latch = createLatch();
  const { call } = await startLane({ poolMaxThreads: 2 }, undefined, { folders });
  const stuck = call('single', { memory: latch.memory, gate: 1 });
  await latch.begun(1);
  const next = call('single', { memory: latch.memory, gate: 2 });
  stuck.cancel();
  latch.open(2);
  expect(await outcome(stuck)).toBe('CallCancelled');
  expect(await outcome(next)).toMatchObject({ gate: 2 });
});
