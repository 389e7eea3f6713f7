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
    const latch = createLatch();
    const { call, lane } = await startLane({
      poolMaxThreads: 2,
      poolMinThreads: 2,
      // On a busy machine all this takes a minute.
      taskTimeoutMs: 600_000,
    });
    const hold = (client: string, gate: number) => call('latch', { memory: latch.memory, gate }, { client });
    const flood = [outcome(hold('flood', 1))];
    const first = hold('polite', 2);
    await latch.begun(2);
    for (let gate = 3; gate < 30; gate++) flood.push(outcome(hold('flood', gate)));
    // The longer a call ran, the longer its thread is held: up to 3 ms, from 12 ms on.
    await delay(20);
    latch.open(2);
    await outcome(first);
    const second = hold('polite', 33);
    // On a busy machine milliseconds pass between its answer and its next call, and the flood is next once more: then its
    // calls are let go one after the other until the polite client's turn has come.
    let polite = second;
    let isHeld = false;
    let flooded = 3;
    for (let gate = 33; gate < 60 && !isHeld; gate++) {
      const answered = outcome(polite).then(() => true);
      latch.open(flooded++);
      await delay(20);
      latch.open(gate);
      while (!(await Promise.race([answered, delay(20, false)]))) latch.open(flooded++);
      const { waiting } = lane.status().queue;
      polite = hold('polite', gate + 1);
      isHeld = waiting > 0 && lane.status().queue.waiting === waiting;
      if (isHeld) latch.open(gate + 1);
    }
    expect(isHeld).toBe(true);
    expect(await outcome(polite)).toMatchObject({ gate: expect.any(Number) });
    for (let gate = 1; gate < 30; gate++) latch.open(gate);
    await Promise.all(flood);
  });
});
