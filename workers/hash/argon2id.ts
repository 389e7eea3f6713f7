// Argon2id (RFC 9106), by @node-rs/argon2, which is loaded when the first hash is made: the event loops only
// read them. Defaults: OWASP's first recommendation (19 MiB, 2 passes, 1 lane).
import { timingSafeEqual } from 'node:crypto';
import { createRequire } from 'node:module';
import { decodeData } from './data.js';
import type { Password } from './password.js';
import {
  type BadHash,
  canonicalNumber,
  malformed,
  outOfRange,
  type StoredHash,
  unpaddedBase64,
} from './stored-hash.js';

export const maxMemoryKiB = 65_536;
export const maxPasses = 10;
export const maxLanes = 4;
/** RFC 9106 section 3.1: at least 8 KiB for each lane. */
export const minMemoryKiB = 8;
export const defaultMemoryKiB = 19_456;

const require = createRequire(import.meta.url);
/** At once, not by `import()`: a run that is not async is all that its thread does meanwhile. */
const argon2 = (): typeof import('@node-rs/argon2') => require('@node-rs/argon2');

/** @node-rs/argon2's `Algorithm.Argon2id`: a const enum, which isolated modules cannot import. */
const argon2id = 2;

interface Argon2idInput extends Password {
  readonly memoryCost: number;
  readonly timeCost: number;
  readonly parallelism: number;
}

/** µs of CPU time: the library runs the lanes of one hash on threads of its own. */
export function argon2idCostUs({
  memoryCost,
  timeCost,
}: Pick<Argon2idInput, 'memoryCost' | 'timeCost'>): number {
  return 20 + 0.43 * memoryCost * timeCost;
}

/** `$argon2id$v=19$m=…,t=…,p=…$salt$hash` */
export function hashArgon2id(input: Argon2idInput): string {
  const { hashSync } = argon2();
  const { memoryCost, timeCost, parallelism } = input;
  return hashSync(decodeData(input), { algorithm: argon2id, memoryCost, timeCost, parallelism });
}

/**
 * Reads the PHC form of version 19. Sizes of salt (8 to 48 bytes) and tag (12 to 64 bytes):
 * https://github.com/P-H-C/phc-string-format/blob/master/phc-sf-spec.md#argon2-encoding
 */
export function readArgon2id(text: string): StoredHash | BadHash {
  const parts = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([^$]+)\$([^$]+)$/.exec(text);
  if (parts === null) return malformed;
  const [memoryCost, timeCost, parallelism] = parts.slice(1, 4).map(canonicalNumber) as [
    number,
    number,
    number,
  ];
  const salt = unpaddedBase64(parts[4], 8, 48);
  const tag = unpaddedBase64(parts[5], 12, 64);
  if (salt === undefined || tag === undefined) return malformed;
  const beyond =
    outOfRange('parallelism (p)', parallelism, 1, maxLanes) ??
    outOfRange('memory cost (m, KiB)', memoryCost, minMemoryKiB * parallelism, maxMemoryKiB) ??
    outOfRange('time cost (t)', timeCost, 1, maxPasses);
  if (beyond !== undefined) return beyond;
  const options = { algorithm: argon2id, memoryCost, timeCost, parallelism, salt, outputLen: tag.length };
  return {
    algorithm: 'argon2id',
    costUs: argon2idCostUs({ memoryCost, timeCost }),
    // The library's own verify throws on a password that is not UTF-8 (2.2.1).
    verify: (password) => timingSafeEqual(argon2().hashRawSync(password, options), tag),
  };
}
