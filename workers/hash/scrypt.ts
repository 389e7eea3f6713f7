// scrypt (RFC 7914), by OpenSSL, in passlib's string form. Default cost: OWASP's (N = 2^17, r = 8, p = 1).
import { randomBytes, scryptSync, timingSafeEqual } from 'node:crypto';
import { decodeData } from './data.js';
import { type Password, saltBytes } from './password.js';
import {
  type BadHash,
  canonicalNumber,
  malformed,
  outOfRange,
  type StoredHash,
  toUnpaddedBase64,
  unpaddedBase64,
} from './stored-hash.js';

export const maxLogCost = 18;
export const maxBlockSize = 16;
export const maxParallelization = 4;
const hashBytes = 32;

interface Cost {
  /** N, a power of two. */
  readonly cost: number;
  /** r */
  readonly blockSize: number;
  /** p */
  readonly parallelization: number;
}

/** RFC 7914 section 6: N below 2^(128 r / 8). Of our range that concerns r = 1 alone. */
export function tooSmallBlocks({ cost, blockSize }: Pick<Cost, 'cost' | 'blockSize'>): boolean {
  return Math.log2(cost) >= 16 * blockSize;
}

type ScryptInput = Password & Cost;

/** µs: about 0.35 µs for each block of 128 bytes. */
export function scryptCostUs({ cost, blockSize, parallelization }: Cost): number {
  return 20 + 0.35 * cost * blockSize * parallelization;
}

function derive(
  password: Uint8Array,
  salt: Buffer,
  { cost, blockSize, parallelization }: Cost,
  length: number,
) {
  // What OpenSSL counts: B (p × 128 r), V (N × 128 r) and two blocks for X and T; a fifth for luck.
  const maxmem = 128 * blockSize * (cost + parallelization + 5);
  return scryptSync(password, salt, length, { cost, blockSize, parallelization, maxmem });
}

/** `$scrypt$ln=17,r=8,p=1$salt$hash` */
export function hashScrypt(input: ScryptInput): string {
  const salt = randomBytes(saltBytes);
  const hash = derive(decodeData(input), salt, input, hashBytes);
  const { cost, blockSize, parallelization } = input;
  return `$scrypt$ln=${Math.log2(cost)},r=${blockSize},p=${parallelization}$${toUnpaddedBase64(salt)}$${toUnpaddedBase64(hash)}`;
}

/** https://passlib.readthedocs.io/en/stable/lib/passlib.hash.scrypt.html#format-algorithm */
export function readScrypt(text: string): StoredHash | BadHash {
  const parts = /^\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$([^$]*)\$([^$]+)$/.exec(text);
  if (parts === null) return malformed;
  const [logCost, blockSize, parallelization] = parts.slice(1, 4).map(canonicalNumber) as [
    number,
    number,
    number,
  ];
  const salt = unpaddedBase64(parts[4], 0, 64);
  const hash = unpaddedBase64(parts[5], 16, 64);
  if (salt === undefined || hash === undefined) return malformed;
  const beyond =
    outOfRange('cost (ln)', logCost, 1, maxLogCost) ??
    outOfRange('block size (r)', blockSize, 1, maxBlockSize) ??
    outOfRange('parallelization (p)', parallelization, 1, maxParallelization);
  if (beyond !== undefined) return beyond;
  const cost = { cost: 2 ** logCost, blockSize, parallelization };
  if (tooSmallBlocks(cost)) return malformed;
  return {
    algorithm: 'scrypt',
    costUs: scryptCostUs(cost),
    verify: (password) => timingSafeEqual(derive(password, salt, cost, hash.length), hash),
  };
}
