// The fields that every password hash takes.
import { z } from 'zod';
import { inputEncoding } from './data.js';

/** Salts of 16 bytes: RFC 9106 section 3.1 recommends them for password hashing. */
export const saltBytes = 16;

export const passwordFields = {
  // Empty is refused: hashing it is a caller's mistake that would let everybody in.
  data: z
    .string({ error: 'must be a string in a JSON body: passwords are not taken as raw bytes' })
    .min(1, 'must not be empty')
    .describe('The password, at least one byte.'),
  inputEncoding,
};

/** A whole-number cost field with its default. */
export function costField(min: number, max: number, byDefault: number, description: string) {
  return z.int().min(min).max(max).default(byDefault).describe(description);
}
