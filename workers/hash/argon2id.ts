// Argon2id (RFC 9106), by @node-rs/argon2. Defaults: OWASP's first recommendation (19 MiB, 2 passes, 1 lane).
import { timingSafeEqual } from 'node:crypto';
import { hashRawSync, hashSync } from '@node-rs/argon2';
import { z } from 'zod';
import { checkData, decodeData } from './data.js';
import { costField, passwordFields } from './password.js';
import {
  type BadHash,
  canonicalNumber,
  malformed,
  outOfRange,
  type StoredHash,
  unpaddedBase64,
} from './stored-hash.js';

const maxMemoryKiB = 65_536;
const maxPasses = 10;
const maxLanes = 4;
/** RFC 9106 section 3.1: at least 8 KiB for each lane. */
const minMemoryKiB = 8;

/** @node-rs/argon2's `Algorithm.Argon2id`: a const enum, which isolated modules cannot import. */
const argon2id = 2;

export const argon2idInput = z
  .strictObject({
    algorithm: z.literal('argon2id'),
    ...passwordFields,
    memoryCost: costField(minMemoryKiB, maxMemoryKiB, 19_456, 'Memory in KiB, at least 8 for each lane.'),
    timeCost: costField(1, maxPasses, 2, 'Passes over the memory.'),
    parallelism: costField(1, maxLanes, 1, 'Lanes.'),
  })
  .superRefine(checkData)
  .refine(({ memoryCost, parallelism }) => memoryCost >= minMemoryKiB * parallelism, {
    path: ['memoryCost'],
    message: `must be at least ${minMemoryKiB} KiB for each of \`parallelism\` lanes`,
  });

type Argon2idInput = z.output<typeof argon2idInput>;

/** µs of CPU time: the library runs the lanes of one hash on threads of its own. */
export function argon2idCostUs({
  memoryCost,
  timeCost,
}: Pick<Argon2idInput, 'memoryCost' | 'timeCost'>): number {
  return 20 + 0.43 * memoryCost * timeCost;
}

/** `$argon2id$v=19$m=…,t=…,p=…$salt$hash` */
export function hashArgon2id(input: Argon2idInput): string {
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
    verify: (password) => timingSafeEqual(hashRawSync(password, options), tag),
  };
}
