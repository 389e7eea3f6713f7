// What reading a password hash string gives, and the strict reading of its parts that all formats share.

/** A stored password hash, well formed and within the caps. */
export interface StoredHash {
  readonly algorithm: 'argon2id' | 'scrypt' | 'pbkdf2-sha256' | 'bcrypt';
  /** Of one verification, in µs. */
  readonly costUs: number;
  /** What is wrong with this password for this format, if anything. */
  passwordProblem?(password: Uint8Array): string | undefined;
  verify(password: Uint8Array): boolean;
}

/** Why a string cannot be verified against. */
export interface BadHash {
  readonly problem: string;
}

export const malformed: BadHash = { problem: 'is malformed' };

/** A number as its only decimal form, up to nine digits, else NaN. */
export function canonicalNumber(text: string | undefined): number {
  return text !== undefined && /^(0|[1-9]\d{0,8})$/.test(text) ? Number(text) : Number.NaN;
}

/** Bytes from base64 without padding and without unused bits set; undefined where it is not or has another size. */
export function unpaddedBase64(
  text: string | undefined,
  minBytes: number,
  maxBytes: number,
): Buffer | undefined {
  if (text === undefined) return undefined;
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length < minBytes || bytes.length > maxBytes) return undefined;
  return toUnpaddedBase64(bytes) === text ? bytes : undefined;
}

export function toUnpaddedBase64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

/** Where a cost read from a string is beyond its cap (or below what the algorithm allows). */
export function outOfRange(name: string, value: number, min: number, max: number): BadHash | undefined {
  if (Number.isNaN(value)) return malformed;
  return value >= min && value <= max ? undefined : { problem: `has a ${name} outside ${min} to ${max}` };
}
