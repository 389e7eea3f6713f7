// The simulation runs by the lane's own modules: where one of them changes its form, this is where it is seen.
import { expect, test } from 'vitest';
import { cellText } from '../../bench/report/table.js';
import { larger } from '../../bench/scenarios/larger.js';
import { simulation } from '../../bench/scenarios/simulation.js';
import { simulate } from '../../bench/simulation/simulate.js';

const equal = [{ name: 'call', us: 25_000, share: 1 }];
const small = { cores: 2, processes: 2, threads: 2, classes: equal, calls: 200 };

test.each(['lane', 'fifo'] as const)('a small machine answers every call: %s', (order) => {
  const { call } = simulate({ ...small, order, load: 0.8 }).classes;
  expect(call).toMatchObject({ ended: 200, refused: 0 });
  // Nothing takes less than its own length.
  expect(call?.p50).toBeGreaterThanOrEqual(1);
  expect(call?.p99).toBeGreaterThan(call?.p50 ?? 0);
});

test('admission refuses what would wait too long, and what is let in does not', () => {
  const { call } = simulate({ ...small, threads: 1, load: 10, maxWaitMs: 100, calls: 500 }).classes;
  expect(call?.refused).toBeGreaterThan(300);
  expect((call?.ended ?? 0) + (call?.refused ?? 0)).toBe(500);
  // 100 ms of waiting, and itself.
  expect(call?.p99).toBeLessThanOrEqual(4 + 1);
});

test('a client that returns finds the thread that was held for it', () => {
  const polite = (anticipates: boolean) =>
    simulate({
      ...small,
      processes: 1,
      load: 4,
      maxWaitMs: 1_000,
      classes: [{ name: 'flooding', us: 25_000, share: 1, client: 'flood' }],
      returning: { name: 'polite', us: 25_000, awayMs: 0.5 },
      anticipates,
      calls: 1_000,
    }).classes.polite?.p50;
  expect(polite(true)).toBe(1);
  expect(polite(false)).toBeGreaterThan(1.5);
});

test('what the event loops do delays each call by that, and leaves the threads so much less', () => {
  const costs = { requestUs: 1_000, hopUs: 2_000, refusalUs: 500, wakeUs: 1_000 };
  const lone = { cores: 2, processes: 2, threads: 2, load: 0.01, classes: equal, calls: 50, costs };
  // 1 ms to be read, 2 ms of the hop, 1 ms until the thread wakes, and 1 ms until the loop does.
  expect(simulate(lone).classes.call?.p50).toBeCloseTo(1 + 5 / 25, 5);
  const flooded = { ...lone, load: 4, calls: 1_000, maxWaitMs: 100 };
  const free = simulate({ ...flooded, costs: undefined });
  expect(free.goodput).toBeGreaterThan(0.95);
  // Of 4 calls 3 are refused: 3 × 1 ms of a loop, and 3 ms for the one that runs, beside its 25 ms.
  expect(simulate(flooded).goodput).toBeLessThan(0.9);
});

test('with one queue for all processes a call waits less behind others', () => {
  const machine = { cores: 8, processes: 8, threads: 2, load: 0.8, classes: equal, calls: 4_000 };
  const own = simulate(machine).classes.call?.p99 ?? 0;
  expect(simulate({ ...machine, threads: 1, oneQueue: true }).classes.call?.p99).toBeLessThan(own);
});

test.each([simulation, larger])('every row of $name can be simulated', async ({ run, table }) => {
  const result = await run({ quick: true, rounds: 1, say: () => undefined });
  for (const row of table(result).rows) expect(row.map(cellText)).not.toContain('–');
});
