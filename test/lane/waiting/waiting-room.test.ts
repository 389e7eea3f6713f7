import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createKindEstimate } from '#src/lane/cost/estimate.js';
import type { PendingCall } from '#src/lane/pending-call.js';
import { createWaitingRoom } from '#src/lane/waiting/waiting-room.js';
import { defineTask } from '#src/task.js';

const ms = 1_000;
const task = {
  name: 'any',
  route: '/any',
  module: '',
  code: new Map(),
  digest: '',
  definition: defineTask({ input: z.unknown(), run: () => null }),
};

interface Setup {
  readonly max: number;
  readonly maxQueue?: number;
  readonly maxWaitMs?: number;
  readonly random?: number;
  /** Estimated µs that are left in each busy thread, and whether that is a long call's. */
  readonly busy?: readonly (readonly [remainingUs: number, isLong: boolean])[];
}

/** A waiting room before threads that are as the test says. */
function room({ max, maxQueue = 100, maxWaitMs = 1_000, random = 0, busy = [] }: Setup) {
  const threads = busy.map(([remainingUs, isLong]) => ({ remainingUs, isLong }));
  const load = {
    max,
    inFlight: threads.length,
    longInFlight: threads.filter(({ isLong }) => isLong).length,
    inFlightUs: threads.reduce((sum, { remainingUs }) => sum + remainingUs, 0),
    busy: () => threads,
    jobRoom: () => 0,
    freeForJobs: 0,
  };
  const waiting = createWaitingRoom({ maxQueue, maxWaitMs }, load, () => random);
  return {
    waiting,
    load,
    enter(estimateUs: number, client = 'a', deadlineMs?: number): PendingCall {
      const ticket = waiting.admit(client, estimateUs, deadlineMs, 0);
      const call: PendingCall = {
        ticket,
        key: ticket.key,
        seq: ticket.seq,
        task,
        input: { type: 'value', value: undefined },
        options: { client },
        profile: { vouched: false, kind: createKindEstimate(), cost: estimateUs },
        listener: { answered: () => undefined, ran: () => undefined },
        arrivedMs: 0,
        estimateUs,
        batchable: estimateUs <= 500,
        attempts: 0,
        state: { at: 'queue' },
        answered: false,
        alarm: undefined,
        stream: undefined,
        resolve: () => undefined,
        reject: () => undefined,
      };
      waiting.add(call);
      return call;
    },
  };
}

const overloaded = (retryAfterSeconds: number) =>
  expect.objectContaining({ code: 'OVERLOADED', retryAfterSeconds });

describe('the waiting room', () => {
  it('estimates the wait of a long call over the threads that it may have', () => {
    const busy = [
      [800 * ms, true],
      [800 * ms, true],
      [10 * ms, false],
    ] as const;
    const { enter } = room({ max: 3, busy });
    enter(500 * ms);
    // 800 ms and half of the 500; over all three threads it would be 510 ms.
    expect(() => enter(500 * ms)).toThrow(overloaded(1));
    enter(50 * ms);
  });

  it('lets a call in whose deadline leaves time enough, and no other', () => {
    const { enter } = room({ max: 1, busy: [[400 * ms, false]] });
    expect(() => enter(1 * ms, 'a', 399)).toThrow(overloaded(1));
    enter(1 * ms, 'a', 401);
  });

  it('estimates longer waits once calls have waited longer than was estimated', () => {
    const { enter, waiting, load } = room({ max: 1, busy: [[700 * ms, false]] });
    for (let i = 0; i < 5; i++) enter(1);
    for (let i = 0; i < 5; i++) waiting.take(1, 1_050);
    expect(() => enter(1)).toThrow(overloaded(1));
    Object.assign(load, { busy: () => [{ remainingUs: 660 * ms, isLong: false }] });
    enter(1);
  });

  it.each([
    [0, 10],
    [0.9, 16],
  ])('says when the excess will have drained, spread by chance: %d', (random, seconds) => {
    const { enter } = room({ max: 1, random, busy: [[11_000 * ms, false]] });
    expect(() => enter(1 * ms)).toThrow(overloaded(seconds));
  });

  it('says when half of a full queue will have drained', () => {
    const { enter, waiting } = room({ max: 1, maxQueue: 3, maxWaitMs: 60_000, busy: [[0, false]] });
    for (let i = 0; i < 3; i++) enter(4_000 * ms);
    expect(() => waiting.checkRoom('b', 0)).toThrow(overloaded(6));
    expect(() => enter(1)).toThrow(overloaded(6));
  });

  it('keeps the last places for clients with nothing waiting, once one of these was turned away', () => {
    const { enter, waiting } = room({ max: 1, maxQueue: 32, busy: [[0, false]] });
    const flood = Array.from({ length: 32 }, () => enter(1));
    expect(() => waiting.checkRoom('polite', 0)).toThrow(overloaded(1));
    expect([waiting.remove(flood[0] ?? enter(1)), waiting.size]).toEqual([true, 31]);
    expect(() => enter(1)).toThrow(overloaded(1));
    enter(1, 'polite');
    expect(() => enter(1, 'polite')).toThrow(overloaded(1));
    // What nobody asked for again is anybody's.
    expect([waiting.remove(flood[1] ?? enter(1)), waiting.size]).toEqual([true, 31]);
    expect(() => waiting.checkRoom('a', 9_999)).toThrow(overloaded(1));
    waiting.checkRoom('a', 10_000);
  });

  it('charges a client nothing for a call that was refused, or left', () => {
    const { enter, waiting } = room({ max: 1, busy: [[200 * ms, false]] });
    enter(1, 'other');
    const { tag } = enter(900 * ms).ticket;
    expect(() => enter(900 * ms)).toThrow(overloaded(1));
    const second = enter(1);
    expect(second.ticket.tag).toBe(tag + 900 * ms);
    expect([waiting.remove(second), waiting.remove(second)]).toEqual([true, false]);
    expect(waiting.tickets).toBe(3);
    for (const time of [1, 2]) waiting.giveBack(second.ticket, undefined, time);
    expect(waiting.tickets).toBe(2);
    expect(enter(1).ticket.tag).toBe(tag + 900 * ms);
  });

  it('passes over long calls while these have all the threads that they may have', () => {
    const { enter, waiting, load } = room({ max: 2 });
    const [first, second] = [enter(100 * ms, 'a'), enter(100 * ms, 'b')];
    expect([waiting.startable, waiting.take(2, 0)]).toEqual([1, [first]]);
    Object.assign(load, { inFlight: 1, longInFlight: 1 });
    expect([waiting.startable, waiting.take(1, 0)]).toEqual([0, []]);
    const middling = enter(90 * ms, 'c');
    expect([waiting.startable, waiting.take(1, 0)]).toEqual([1, [middling]]);
    Object.assign(load, { longInFlight: 0 });
    expect(waiting.take(1, 0)).toEqual([second]);
  });

  it('shares short calls among the free threads, up to 64 in a message', () => {
    const { enter, waiting } = room({ max: 4 });
    const calls = Array.from({ length: 100 }, () => enter(1));
    expect(waiting.take(4, 0)).toEqual(calls.slice(0, 25));
    expect(waiting.take(1, 0)).toEqual(calls.slice(25, 89));
    expect(waiting.take(1, 0)).toEqual(calls.slice(89));
  });

  it('gives each of 10,000 clients its turn once, the shorter calls first', () => {
    const { enter, waiting } = room({ max: 1, maxQueue: 10_000, maxWaitMs: 1e9, busy: [[0, false]] });
    const lengths = Array.from({ length: 10_000 }, (_, index) => 1_000 + ((index * 7_919) % 10_007));
    for (const [index, us] of lengths.entries()) enter(us, `client ${index}`);
    const taken = lengths.map(() => waiting.take(1, 0)[0]?.estimateUs);
    expect(taken).toEqual([...lengths].sort((a, b) => a - b));
    expect(waiting.size).toBe(0);
  });
});
