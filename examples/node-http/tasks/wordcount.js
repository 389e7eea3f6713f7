import { defineTask } from 'millrace';
import { z } from 'zod';

export default defineTask({
  input: z.strictObject({ text: z.string().max(10_000) }),
  output: z.strictObject({ words: z.int() }),
  cost: ({ text }) => 1 + text.length / 100,
  run: ({ text }) => ({ words: text.split(/\s+/).filter(Boolean).length }),
});
