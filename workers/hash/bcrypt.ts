// bcrypt, by @node-rs/bcrypt. It reads 72 bytes of a password and, in many implementations, stops at a NUL byte:
// what it would cut silently is refused here.
import { hashSync, verifySync } from '@node-rs/bcrypt';
import { z } from 'zod';
import { checkData, decodeData } from './data.js';
import { costField, passwordFields } from './password.js';
import { type BadHash, malformed, outOfRange, type StoredHash } from './stored-hash.js';

const minRounds = 4;
const maxRounds = 15;
const maxPasswordBytes = 72;

export const bcryptInput = z
  .strictObject({
    algorithm: z.literal('bcrypt'),
    ...passwordFields,
    rounds: costField(minRounds, maxRounds, 12, 'Binary logarithm of the rounds.'),
  })
  .superRefine(checkData)
  .superRefine((input, context) => {
    const message = passwordProblem(decodeData(input));
    if (message !== undefined) context.addIssue({ code: 'custom', path: ['data'], message });
  });

type BcryptInput = z.output<typeof bcryptInput>;

function passwordProblem(password: Uint8Array): string | undefined {
  if (password.length > maxPasswordBytes) return `must be at most ${maxPasswordBytes} bytes for bcrypt`;
  return password.includes(0) ? 'must not hold a NUL byte for bcrypt' : undefined;
}

/** µs */
export function bcryptCostUs({ rounds }: Pick<BcryptInput, 'rounds'>): number {
  return 60 * 2 ** rounds;
}

/** `$2b$12$` and 53 characters of salt and hash */
export function hashBcrypt(input: BcryptInput): string {
  return hashSync(decodeData(input), input.rounds);
}

/**
 * Reads `$2a$`, `$2b$` and `$2y$`, which are one algorithm for passwords that we take; `$2x$` marks hashes of a
 * broken one. The last character of the salt carries 4 unused bits, that of the hash 2: they must be zero.
 */
export function readBcrypt(text: string): StoredHash | BadHash {
  const parts = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]$/.exec(text);
  if (parts === null) return malformed;
  const rounds = Number(parts[1]);
  return (
    outOfRange('cost', rounds, minRounds, maxRounds) ?? {
      algorithm: 'bcrypt',
      costUs: bcryptCostUs({ rounds }),
      // Refused, not "no match": the hash may come from a library that cuts, and cutting would take any tail.
      passwordProblem,
      verify: (password) => verifySync(password, text),
    }
  );
}
