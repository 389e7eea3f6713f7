import { defineTask } from 'millrace';
import { z } from 'zod';

const day = z.iso.date();

export default defineTask({
  summary: 'Sum up sales by day, as CSV',
  input: z.strictObject({ sales: z.array(z.strictObject({ day, amount: z.number() })).max(100_000) }),
  output: { contentType: 'text/csv' },
  examples: [{ sales: [{ day: '2026-01-31', amount: 12.5 }] }],
  cost: ({ sales }) => 100 + sales.length / 5,
  run({ sales }, { signal }) {
    const totals = new Map();
    for (const { day, amount } of sales) {
      // Stops the loop where the client has left, or the deadline has passed.
      signal.throwIfAborted();
      totals.set(day, (totals.get(day) ?? 0) + amount);
    }
    const rows = [...totals].sort().map(([day, total]) => `${day},${total.toFixed(2)}`);
    return new TextEncoder().encode(`day,total\n${rows.join('\n')}\n`);
  },
});
