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
    const latches = { flood: createLatch(), polite: createLatch() };
    const { flood, polite } = latches;
    const { call } = await startLane({ poolMaxThreads: 2, poolMinThreads: 2, taskTimeoutMs: 600_000 });
    const hold = (client: keyof typeof latches, gate: number) =>
      outcome(call('latch', { memory: latches[client].memory, gate }, { client }));
    // One thread stays with the first call of the flood; whose the other one is, is seen by who begins next.
    const flooding = [hold('flood', 1)];
    // Of kinds that the flood does not have: how long one of those took says nothing of it.
    const gateOf = (turn: number) => 30 + turn;
    let last = hold('polite', gateOf(1));
    await Promise.all([flood.begun(1), polite.begun(1)]);
    for (let gate = 2; gate < 30; gate++) flooding.push(hold('flood', gate));
    let floods = 1;
    let turn = 1;
    const begins = () => Promise.race([polite.begun(turn), flood.begun(floods + 1)]);
    for (let isHeld = false; !isHeld; ) {
      // The longer a call ran, the longer its thread is held: up to 3 ms, from 12 ms on.
      await delay(20);
      polite.open(gateOf(turn++));
      await last;
      last = hold('polite', gateOf(turn));
      await begins();
      isHeld = polite.count() === turn;
      // It had never come back before, or it took longer on a busy machine: the flood is next, until its turn has come.
      while (polite.count() < turn) {
        floods++;
        flood.open(floods);
        await begins();
      }
    }
    // The thread was the polite client's though others waited.
    expect(flood.count()).toBe(floods);
    expect(floods).toBeLessThan(29);
    for (let gate = 1; gate < 30; gate++) flood.open(gate);
    polite.open(gateOf(turn));
    expect(await last).toMatchObject({ gate: gateOf(turn) });
    await Promise.all(flooding);
  });
});
