import { expect, it } from 'vitest';
import { createKindEstimate } from '#src/lane/cost/estimate.js';
import { createInlineLane } from '#src/lane/inline-lane.js';
import { createLogger } from '#src/log.js';
import { loadTasks } from '#src/tasks/registry.js';
import { fixtureTasks, outcome } from '../support/lane.js';

it('learns nothing from calls that fail at once', async () => {
  const task = (await loadTasks([fixtureTasks])).find(({ name }) => name === 'misbehave');
  if (task === undefined) throw new Error('no such task');
  const lane = createInlineLane(
    { inlineMaxUs: 1_000, taskTimeoutMs: 60_000, onLoop: false },
    createLogger('silent', {}),
  );
  const kind = createKindEstimate();
  // No run of the fixture takes that long.
  for (let run = 0; run < 20; run++) kind.learn(1_000_000, 5_000_000, true);
  const call = (how: string) =>
    lane.run(
      {
        task,
        input: { type: 'value', value: { how } },
        options: { client: 'test' },
        profile: { kind, cost: 1_000_000, vouched: true },
      },
      { how },
      { answered: () => undefined, ran: () => undefined },
    );
  for (let run = 0; run < 40; run++) expect(await outcome(call('throw error'))).toBe('TASK_FAILED');
  expect(kind.likelyUs(1_000_000)).toBeCloseTo(5_000_000);
  for (let run = 0; run < 40; run++) expect(await outcome(call('ok'))).toEqual({ ok: true });
  expect(kind.likelyUs(1_000_000)).toBeLessThan(5_000_000);
});
