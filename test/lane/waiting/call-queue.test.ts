import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCallQueue } from '#src/lane/waiting/call-queue.js';
import { isBefore, type Waiting } from '#src/lane/waiting/treap.js';

describe('the queue', () => {
  it('is a list sorted by key, then arrival, under any adds, removes and takes', () => {
    const step = fc.record({
      key: fc.nat(20),
      estimateUs: fc.integer({ min: 1, max: 1_000 }),
      after: fc.constantFrom('nothing', 'nothing', 'remove', 'take', 'return'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const queue = createCallQueue<Waiting>();
        const model: Waiting[] = [];
        for (const [seq, { key, estimateUs, after }] of steps.entries()) {
          const entry = { key, seq, estimateUs };
          queue.add(entry);
          model.push(entry);
          model.sort((a, b) => (isBefore(a, b) ? -1 : 1));
          if (after === 'nothing') continue;
          const [victim] = model.splice(after === 'take' ? 0 : key % model.length, 1);
          if (victim === undefined) throw new Error('there is always one');
          if (after === 'take') expect(queue.at(0)).toBe(victim);
          expect(queue.remove(victim)).toBe(true);
          expect(queue.remove(victim)).toBe(false);
          if (after !== 'return') continue;
          // With its old place, as a call does whose thread died.
          queue.add(victim);
          model.push(victim);
          model.sort((a, b) => (isBefore(a, b) ? -1 : 1));
        }
        expect(queue.size).toBe(model.length);
        expect(queue.workUs).toBe(queue.workAheadUs(Number.POSITIVE_INFINITY));
        expect(model.map((_, index) => queue.at(index))).toEqual(model);
        expect([-1, model.length].map((index) => queue.at(index))).toEqual([undefined, undefined]);
        for (const key of [-1, 0, 10, 20, Number.POSITIVE_INFINITY]) {
          const ahead = model.filter((entry) => entry.key <= key);
          expect(queue.workAheadUs(key)).toBe(ahead.reduce((sum, entry) => sum + entry.estimateUs, 0));
        }
        expect(queue.clear()).toEqual(model);
        expect([queue.size, queue.at(0), queue.workAheadUs(9)]).toEqual([0, undefined, 0]);
      }),
    );
  });

  it.each([
    ['rising', (index: number) => index],
    ['falling', (index: number) => -index],
    ['equal', () => 7],
    ['scattered', (index: number) => (index * 7_919) % 10_007],
  ])('touches a few of 10,000 calls with %s keys for whatever it does', (_, keyOf) => {
    let looks = 0;
    const entry = (index: number): Waiting => ({
      get key() {
        looks++;
        return keyOf(index);
      },
      seq: index,
      estimateUs: 1,
    });
    const queue = createCallQueue<Waiting>();
    const calls = Array.from({ length: 10_000 }, (_, index) => entry(index));
    let most = 0;
    const counted = (act: () => unknown): void => {
      looks = 0;
      act();
      most = Math.max(most, looks);
    };
    for (const call of calls) counted(() => queue.add(call));
    for (const call of calls.filter(({ seq }) => seq % 3 === 0)) {
      counted(() => queue.workAheadUs(keyOf(call.seq)));
      counted(() => queue.remove(call));
    }
    while (queue.size > 0) {
      counted(() => {
        const first = queue.at(0);
        if (first !== undefined) queue.remove(first);
      });
    }
    // Four looks a comparison at most, along a path of some 2 log2 n.
    expect(most).toBeLessThan(250);
  });
});
