import { verifySync } from '@node-rs/argon2';
import { defineTask } from 'millrace';
import { z } from 'zod';

export default defineTask({
  summary: 'Compare a password with its hash',
  input: z.strictObject({ password: z.string().max(200), hash: z.string() }),
  output: z.strictObject({ match: z.boolean() }),
  cost: () => 40_000,
  run: ({ password, hash }) => ({ match: verifySync(hash, password) }),
});
