import { hashSync } from '@node-rs/argon2';
import { defineTask } from 'millrace';
import { z } from 'zod';

export default defineTask({
  summary: 'Hash a password for storage',
  input: z.strictObject({ password: z.string().min(8).max(200) }),
  output: z.strictObject({ hash: z.string() }),
  cost: () => 40_000,
  run: ({ password }) => ({ hash: hashSync(password) }),
});
