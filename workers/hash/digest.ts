// Message digests: plain, fast hashes by OpenSSL. They are no password hashes.
import { hash } from 'node:crypto';
import { z } from 'zod';
import { checkData, dataBytes, decodeData, inputEncoding } from './data.js';

/** ns per byte, measured on Node 20 (OpenSSL 3) without SHA instructions. The lane learns what they are elsewhere. */
const nsPerByte = {
  sha1: 1.1,
  sha224: 2.5,
  sha256: 2.5,
  sha384: 1.7,
  sha512: 1.7,
  'sha3-256': 3,
  'sha3-384': 4.2,
  'sha3-512': 5.7,
  blake2b512: 1.4,
  blake2s256: 2.2,
  md5: 1.7,
} as const;

export type DigestAlgorithm = keyof typeof nsPerByte;

const algorithms = Object.keys(nsPerByte) as [DigestAlgorithm, ...DigestAlgorithm[]];

const algorithm = z
  .enum(algorithms)
  .describe('md5 and sha1 are for old checksums: they are broken as signatures.');
const encoding = z
  .enum(['hex', 'base64', 'base64url'])
  .default('hex')
  .describe('How the digest is written. base64 is padded, base64url is not.');

// z.unknown() with a stated type, because bytes have no JSON schema: JSON callers send text, the route for raw
// bodies hands in a Uint8Array.
const textOrBytes = z
  .unknown()
  .refine((data) => typeof data === 'string' || data instanceof Uint8Array, 'must be a string')
  .meta({ type: 'string', description: 'What to hash; may be empty.' });

export const digestInput = z
  .strictObject({ algorithm, data: textOrBytes, inputEncoding, encoding })
  .superRefine(checkData);

/** What may stand in a URL: digests only, never a password. */
export const digestQuery = z
  .strictObject({ algorithm, data: z.string().describe('What to hash.'), inputEncoding, encoding })
  .superRefine(checkData);

/** What goes with raw bytes: these are the data, as they are. */
export const digestBytesQuery = z.strictObject({ algorithm, encoding });

export const digestOutput = z.strictObject({ algorithm, digest: z.string(), encoding: encoding.unwrap() });

export const isDigest = (algorithm: string): algorithm is DigestAlgorithm =>
  Object.hasOwn(nsPerByte, algorithm);

type DigestInput = z.output<typeof digestInput>;

/** µs */
export function digestCostUs(input: DigestInput): number {
  return 1.5 + (dataBytes(input) * nsPerByte[input.algorithm]) / 1_000;
}

export function digest(input: DigestInput): z.input<typeof digestOutput> {
  const { algorithm, encoding } = input;
  return { algorithm, digest: hash(algorithm, decodeData(input), encoding), encoding };
}
