// Message digests: plain, fast hashes by OpenSSL. They are no password hashes.
import { hash } from 'node:crypto';
import { dataBytes, decodeData, type EncodedData } from './data.js';

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

export const digestAlgorithms = Object.keys(nsPerByte) as [DigestAlgorithm, ...DigestAlgorithm[]];

export const digestEncodings = ['hex', 'base64', 'base64url'] as const;

interface DigestInput extends EncodedData {
  readonly algorithm: DigestAlgorithm;
  readonly encoding: (typeof digestEncodings)[number];
}

export const isDigest = (algorithm: string): algorithm is DigestAlgorithm =>
  Object.hasOwn(nsPerByte, algorithm);

/** µs */
export function digestCostUs(input: DigestInput): number {
  return 1.5 + (dataBytes(input) * nsPerByte[input.algorithm]) / 1_000;
}

export function digest(input: DigestInput) {
  const { algorithm, encoding } = input;
  return { algorithm, digest: hash(algorithm, decodeData(input), encoding), encoding };
}
