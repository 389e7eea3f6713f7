import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createKeptThreads } from '#src/lane/pool/kept-threads.js';
import { createLatch, outcome, startLane } from '../../support/lane.js';

/** Kept threads on a clock that the test turns. */
function createWorld() {
  const alarms = new Set<{ readonly atMs: number; readonly ring: () => void }>();
  let released = 0;
  const kept = createKeptThreads(
    (atMs, ring) => {
      const alarm = { atMs, ring };
      alarms.add(alarm);
      return { clear: () => void alarms.delete(alarm) };
    },
    () => released++,
  );
  return {
    kept,
    released: () => released,
    turn(nowMs: number) {
      for (const alarm of alarms) {
        if (alarm.atMs > nowMs) continue;
        alarms.delete(alarm);
        alarm.ring();
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
  ])('is kept for a client that %s: after %i ms of run, %i ms away', (_, runMs, awayMs, isCrowded, size) => {
    const { kept } = createWorld();
    kept.ended('a', runMs, 0, () => isCrowded);
    expect(kept.size).toBe(0);
    kept.came('a', awayMs);
    kept.ended('a', runMs, 50, () => isCrowded);
    expect(kept.size).toBe(size);
  });

  it('is for the client that comes, and is let go when it does not', () => {
    const { kept, released, turn } = createWorld();
    kept.ended('a', 20, 0, () => true);
    kept.came('a', 1);
    kept.ended('a', 20, 50, () => true);
    kept.came('b', 51);
    expect(kept.size).toBe(1);
    kept.came('a', 52);
    expect([kept.size, released()]).toEqual([0, 0]);
    kept.ended('a', 20, 100, () => true);
    turn(102);
    expect([kept.size, released()]).toEqual([1, 0]);
    turn(103);
    expect([kept.size, released()]).toEqual([0, 1]);
    // It was away for longer than a thread is kept.
    kept.came('a', 110);
    kept.ended('a', 20, 200, () => true);
    expect(kept.size).toBe(0);
  });

  it('remembers the last thousand clients', () => {
    const { kept } = createWorld();
    kept.ended('a', 20, 0, () => true);
    kept.came('a', 1);
    for (let i = 0; i < 1_000; i++) kept.ended(`client ${i}`, 20, 2, () => true);
    kept.ended('a', 20, 3, () => true);
    expect(kept.size).toBe(0);
  });

  it('goes from one call of a client to its next, past those of a client that has a thread', async () => {
    const latch = createLatch();
    const { call, lane } = await startLane({ poolMaxThreads: 2, poolMinThreads: 2 });
    const hold = (client: string, gate: number) => call('latch', { memory: latch.memory, gate }, { client });
    const flood = [hold('flood', 1)];
    const first = hold('polite', 2);
    await latch.begun(2);
    for (let gate = 3; gate < 8; gate++) flood.push(hold('flood', gate));
    // The longer a call ran, the longer its thread is kept: up to 3 ms, from 12 ms on.
    await delay(20);
    latch.open(2);
    await outcome(first);
    const second = hold('polite', 10);
    // It was not known: a call of the flood has its thread, until that ends.
    await latch.begun(3);
    latch.open(3);
    await latch.begun(4);
    await delay(20);
    latch.open(10);
    await outcome(second);
    const third = hold('polite', 11);
    await latch.begun(5);
    expect(lane.status()).toMatchObject({ threads: { busy: 2 }, queue: { waiting: 4 } });
    latch.open(11);
    expect(await outcome(third)).toMatchObject({ gate: 11 });
    for (let gate = 1; gate < 8; gate++) latch.open(gate);
    await Promise.all(flood.map(outcome));
  });
});
