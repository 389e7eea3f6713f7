// bcrypt, by @node-rs/bcrypt, which is loaded when the first hash is made or tried. It reads 72 bytes of a password and, in many implementations, stops at a NUL byte:
// what it would cut silently is refused here.
import { createRequire } from 'node:module';
import { decodeData } from './data.js';
import type { Password } from './password.js';
import { type BadHash, malformed, outOfRange, type StoredHash } from './stored-hash.js';

const require = createRequire(import.meta.url);
/** At once, not by `import()`: a run that is not async is all that its thread does meanwhile. */
const bcrypt = (): typeof import('@node-rs/bcrypt') => require('@node-rs/bcrypt');

export const minRounds = 4;
export const maxRounds = 15;
const maxPasswordBytes = 72;

interface BcryptInput extends Password {
  readonly rounds: number;
}

export function passwordProblem(password: Uint8Array): string | undefined {
  if (password.length > maxPasswordBytes) return `must be at most ${maxPasswordBytes} bytes for bcrypt`;
  return password.includes(0) ? 'must not hold a NUL byte for bcrypt' : undefined;
}

/** µs */
export function bcryptCostUs({ rounds }: Pick<BcryptInput, 'rounds'>): number {
  return 60 * 2 ** rounds;
}

/** `$2b$12$` and 53 characters of salt and hash */
export function hashBcrypt(input: BcryptInput): string {
  return bcrypt().hashSync(decodeData(input), input.rounds);
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
      verify: (password) => bcrypt().verifySync(password, text),
    }
  );
}
