import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createAnticipation } from '#src/lane/pool/anticipation.js';
import { createLatch, outcome, startLane } from '../../support/lane.js';

/** On a clock that the test turns. */
function createWorld() {
  const alarms = new Set<{ readonly atMs: number; readonly action: () => void }>();
  let released = 0;
  const held = createAnticipation(
    (atMs, action) => {
      const alarm = { atMs, action };
      alarms.add(alarm);
      return { clear: () => void alarms.delete(alarm) };
    },
    () => released++,
  );
  return {
    held,
    released: () => released,
    turn(nowMs: number) {
      for (const alarm of alarms) {
        if (alarm.atMs > nowMs) continue;
        alarms.delete(alarm);
        alarm.action();
      }
    },
  };
}

describe('a thread', () => {
  it.each([
    ['came back as soon the last time', 20, 1, true, 1],
    ['came back later the last time', 20, 4, true, 0],
    ['finds room anyway', 20, 1, false, 0],
    ['had a call so short that its return would be half as long', 4, 2, true, 0],
  ])('is held for a client that %s: after %i ms of run, %i ms away', (_, runMs, awayMs, isCrowded, size) => {
    const { held } = createWorld();
    held.ended('a', runMs, 0, () => isCrowded);
    expect(held.size).toBe(0);
    held.came('a', awayMs);
    held.ended('a', runMs, 50, () => isCrowded);
    expect(held.size).toBe(size);
  });

  it('is for the client that comes, and is let go when it does not', () => {
    const { held, released, turn } = createWorld();
    held.ended('a', 20, 0, () => true);
    held.came('a', 1);
    held.ended('a', 20, 50, () => true);
    held.came('b', 51);
    expect(held.size).toBe(1);
    held.came('a', 52);
    expect([held.size, released()]).toEqual([0, 0]);
    held.ended('a', 20, 100, () => true);
    turn(102);
    expect([held.size, released()]).toEqual([1, 0]);
    turn(103);
    expect([held.size, released()]).toEqual([0, 1]);
    // It was away for longer than a thread is held.
    held.came('a', 110);
    held.ended('a', 20, 200, () => true);
    expect(held.size).toBe(0);
  });

  it('remembers the last thousand clients', () => {
    const { held } = createWorld();
    held.ended('a', 20, 0, () => true);
    held.came('a', 1);
    for (let i = 0; i < 1_000; i++) held.ended(`client ${i}`, 20, 2, () => true);
    held.ended('a', 20, 3, () => true);
    expect(held.size).toBe(0);
  });

  it('goes from one call of a client to its next, past those of a client that has a thread', async () => {
    const [flood, polite] = [createLatch(), createLatch()];
    const { call, lane } = await startLane({ poolMaxThreads: 2, poolMinThreads: 2, taskTimeoutMs: 600_000 });
    const waiting = () => lane.status().queue.waiting;
    const ask = (gate: number) =>
      outcome(call('latch', { memory: polite.memory, gate }, { client: 'polite' }));
    const one = (task: string, input: object) =>
      outcome(call(task, { ...input, memory: flood.memory }, { client: 'flood' }));
    // One thread stays with the first call of the flood; of the other one it is seen whose call begins next.
    const flooding = [one('latch', { gate: 1 })];
    let turn = 1;
    let last = ask(turn);
    await Promise.all([flood.begun(1), polite.begun(1)]);
    for (let i = 0; i < 100; i++) flooding.push(one('quick', { us: 5_000 }));
    // Not the first time, when it has never come back before; and on a busy machine it may come too late, then the flood is
    // next until its turn has come.
    let isHeld = false;
    while (!isHeld && waiting() > 0 && turn < 60) {
      // The longer a call ran, the longer its thread is held: up to 3 ms, from 12 ms on.
      await delay(20);
      const begun = flood.count();
      polite.open(turn++);
      await last;
      last = ask(turn);
      await polite.begun(turn);
      isHeld = flood.count() === begun && waiting() > 0;
    }
    expect(isHeld).toBe(true);
    polite.open(turn);
    expect(await last).toMatchObject({ gate: turn });
    flood.open(1);
    await Promise.all(flooding);
  });
});
