// PBKDF2-HMAC-SHA256 (RFC 8018), by OpenSSL, in passlib's string form. Default iterations: OWASP's 600,000.
import { pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';
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

export const maxIterations = 2_000_000;
const hashBytes = 32;

interface Pbkdf2Input extends Password {
  readonly iterations: number;
}

/** µs */
export function pbkdf2CostUs({ iterations }: Pick<Pbkdf2Input, 'iterations'>): number {
  return 10 + 0.6 * iterations;
}

function derive(password: Uint8Array, salt: Buffer, iterations: number): Buffer {
  return pbkdf2Sync(password, salt, iterations, hashBytes, 'sha256');
}

/** `$pbkdf2-sha256$rounds$salt$checksum` */
export function hashPbkdf2(input: Pbkdf2Input): string {
  const salt = randomBytes(saltBytes);
  const hash = derive(decodeData(input), salt, input.iterations);
  return `$pbkdf2-sha256$${input.iterations}$${toAdaptedBase64(salt)}$${toAdaptedBase64(hash)}`;
}

/** https://passlib.readthedocs.io/en/stable/lib/passlib.hash.pbkdf2_digest.html#format-algorithm */
export function readPbkdf2(text: string): StoredHash | BadHash {
  const parts = /^\$pbkdf2-sha256\$(\d+)\$([^$+]*)\$([^$+]+)$/.exec(text);
  if (parts === null) return malformed;
  const iterations = canonicalNumber(parts[1]);
  const salt = fromAdaptedBase64(parts[2], 0, 64);
  const hash = fromAdaptedBase64(parts[3], hashBytes, hashBytes);
  if (salt === undefined || hash === undefined) return malformed;
  return (
    outOfRange('number of rounds', iterations, 1, maxIterations) ?? {
      algorithm: 'pbkdf2-sha256',
      costUs: pbkdf2CostUs({ iterations }),
      verify: (password) => timingSafeEqual(derive(password, salt, iterations), hash),
    }
  );
}

// passlib's ab64: base64 without padding, `.` in place of `+`.
function toAdaptedBase64(bytes: Buffer): string {
  return toUnpaddedBase64(bytes).replaceAll('+', '.');
}

function fromAdaptedBase64(text: string | undefined, minBytes: number, maxBytes: number): Buffer | undefined {
  return unpaddedBase64(text?.replaceAll('.', '+'), minBytes, maxBytes);
}
