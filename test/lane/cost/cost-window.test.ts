import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createCostWindow } from '#src/lane/cost/cost-window.js';

const runs = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 150 });

it('the median and the p90 of a window are those of its last 32 runs', () => {
  fc.assert(
    fc.property(runs, (took) => {
      const window = createCostWindow();
      for (const runUs of took) window.learn(1, runUs);
      const last = took.slice(-32).sort((a, b) => a - b);
      const at = (place: number) => last[place];
      expect(window.median).toBe(at(Math.floor((last.length - 1) * 0.5)));
      expect(window.p90).toBe(at(Math.ceil((last.length - 1) * 0.9)));
    }),
  );
});
