// The work of /hash: all that a thread loads of it. The task itself is ../hash.ts.
import type { z } from 'zod';
import { hashArgon2id } from './argon2id.js';
import { hashBcrypt } from './bcrypt.js';
import { digest } from './digest.js';
import { hashPbkdf2 } from './pbkdf2.js';
import type * as schemas from './schemas.js';
import { hashScrypt } from './scrypt.js';

/** What the schemas give. */
export type HashInput = z.output<
  | typeof schemas.digestInput
  | typeof schemas.argon2idInput
  | typeof schemas.scryptInput
  | typeof schemas.pbkdf2Input
  | typeof schemas.bcryptInput
>;

export default function run(input: HashInput) {
  switch (input.algorithm) {
    case 'argon2id':
      return { algorithm: input.algorithm, hash: hashArgon2id(input) };
    case 'scrypt':
      return { algorithm: input.algorithm, hash: hashScrypt(input) };
    case 'pbkdf2-sha256':
      return { algorithm: input.algorithm, hash: hashPbkdf2(input) };
    case 'bcrypt':
      return { algorithm: input.algorithm, hash: hashBcrypt(input) };
    default:
      return digest(input);
  }
}
