import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFairOrder, stretch } from '#src/lane/fair-order.js';
import { createCallQueue, type Waiting } from '#src/lane/queue.js';

interface Entry extends Waiting {
  readonly client: string;
  readonly tag: number;
}

/** One server of work, a queue and its order, in virtual µs: enough to see who waits for whom. */
function createWorld() {
  const order = createFairOrder();
  const queue = createCallQueue<Entry>();
  let seq = 0;
  return {
    queue,
    arrive(client: string, estimateUs: number): Entry {
      const entry = { ...order.place(client, estimateUs), client, estimateUs, seq: seq++ };
      queue.add(entry);
      return entry;
    },
    take(): Entry | undefined {
      const entry = queue.at(0);
      if (entry === undefined) return undefined;
      queue.remove(entry);
      order.taken(entry.tag);
      return entry;
    },
  };
}

describe('the order of waiting calls', () => {
  it('lets a short call pass long ones of other clients', () => {
    const world = createWorld();
    for (const client of ['a', 'b', 'c']) world.arrive(client, 1_500_000);
    const short = world.arrive('d', 1_000);
    expect(world.take()).toBe(short);
  });

  it('serves clients in turn, however many calls one of them has', () => {
    const world = createWorld();
    for (let i = 0; i < 100; i++) world.arrive('flood', 1_000);
    const polite = world.arrive('polite', 1_000);
    world.take();
    expect([world.take(), world.take()]).toContain(polite);
  });

  it('keeps equal calls of one client in the order of their arrival', () => {
    const world = createWorld();
    const calls = Array.from({ length: 20 }, () => world.arrive('a', 500));
    expect(calls.map(() => world.take())).toEqual(calls);
  });

  it('lets no call wait behind more later work than its stretch and one turn of each client', () => {
    const arrivals = fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 10_000 }), fc.boolean()), {
      minLength: 50,
      maxLength: 400,
    });
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 1, max: 20_000 }), (steps, longUs) => {
        const world = createWorld();
        for (let i = 0; i < 5; i++) world.arrive('early', 5_000);
        const long = world.arrive('long', longUs);
        const passedUs = new Map<string, number>();
        for (const [client, estimateUs, take] of steps) {
          world.arrive(`client ${client}`, estimateUs);
          const taken = take ? world.take() : undefined;
          if (taken === long) return;
          if (taken !== undefined && taken.seq > long.seq) {
            passedUs.set(taken.client, (passedUs.get(taken.client) ?? 0) + taken.estimateUs);
          }
        }
        // A client's tags grow by what it submits; those that pass lie between V and the key.
        for (const sum of passedUs.values()) expect(sum).toBeLessThanOrEqual(stretch * longUs + 10_000);
      }),
    );
  });

  it('starves nobody: everything is taken once nothing arrives', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(5), fc.integer({ min: 1, max: 1e6 })), { maxLength: 200 }),
        (calls) => {
          const world = createWorld();
          const all = new Set(calls.map(([client, estimateUs]) => world.arrive(String(client), estimateUs)));
          for (let taken = world.take(); taken !== undefined; taken = world.take()) all.delete(taken);
          expect(all.size).toBe(0);
        },
      ),
    );
  });
});
