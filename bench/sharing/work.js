// What the three tasks beside this do: one loop through primes.
import { z } from 'zod';
import { primes } from '../peers/work.js';

export const task = {
  input: z.strictObject({ limit: z.int() }),
  query: true,
  /** @param {{ limit: number }} input */
  run: ({ limit }) => primes(limit),
};
