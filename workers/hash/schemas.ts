// What /hash takes and gives, as zod schemas: for the event loops, which validate and describe. Threads do not load
// this file; what it says is checked against the functions' own types where they meet, in run.ts.
import { z } from 'zod';
import { defaultMemoryKiB, maxLanes, maxMemoryKiB, maxPasses, minMemoryKiB } from './argon2id.js';
import { maxRounds, minRounds, passwordProblem } from './bcrypt.js';
import { dataProblem, decodeData, type EncodedData, inputEncodings } from './data.js';
import { digestAlgorithms, digestEncodings } from './digest.js';
import { maxIterations } from './pbkdf2.js';
import { maxBlockSize, maxLogCost, maxParallelization, tooSmallBlocks } from './scrypt.js';

export const inputEncoding = z
  .enum(inputEncodings)
  .default('utf8')
  .describe(
    'How `data` stands for bytes: as UTF-8 text, hexadecimal, or base64 with padding (RFC 4648 section 4).',
  );

/** A refinement: `data` fits its encoding. */
export function checkData(input: EncodedData, context: z.RefinementCtx): void {
  const problem = dataProblem(input);
  if (problem !== undefined) context.addIssue({ code: 'custom', path: ['data'], message: problem });
}

const algorithm = z
  .enum(digestAlgorithms)
  .describe('md5 and sha1 are for old checksums: they are broken as signatures.');
const encoding = z
  .enum(digestEncodings)
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

/** The fields that every password hash takes. */
const passwordFields = {
  // Empty is refused: hashing it is a caller's mistake that would let everybody in.
  data: z
    .string({ error: 'must be a string in a JSON body: passwords are not taken as raw bytes' })
    .min(1, 'must not be empty')
    .describe('The password, at least one byte.'),
  inputEncoding,
};

/** A whole-number cost field with its default. */
function costField(min: number, max: number, byDefault: number, description: string) {
  return z.int().min(min).max(max).default(byDefault).describe(description);
}

export const argon2idInput = z
  .strictObject({
    algorithm: z.literal('argon2id'),
    ...passwordFields,
    memoryCost: costField(
      minMemoryKiB,
      maxMemoryKiB,
      defaultMemoryKiB,
      'Memory in KiB, at least 8 for each lane.',
    ),
    timeCost: costField(1, maxPasses, 2, 'Passes over the memory.'),
    parallelism: costField(1, maxLanes, 1, 'Lanes.'),
  })
  .superRefine(checkData)
  .refine(({ memoryCost, parallelism }) => memoryCost >= minMemoryKiB * parallelism, {
    path: ['memoryCost'],
    message: `must be at least ${minMemoryKiB} KiB for each of \`parallelism\` lanes`,
  });

export const scryptInput = z
  .strictObject({
    algorithm: z.literal('scrypt'),
    ...passwordFields,
    cost: costField(2, 2 ** maxLogCost, 131_072, 'N, a power of two. Memory: 128 × N × r bytes.'),
    blockSize: costField(1, maxBlockSize, 8, 'r'),
    parallelization: costField(1, maxParallelization, 1, 'p: rounds, one after the other.'),
  })
  .superRefine(checkData)
  .refine(({ cost }) => Number.isInteger(Math.log2(cost)), {
    path: ['cost'],
    message: 'must be a power of two',
  })
  .refine((input) => !tooSmallBlocks(input), {
    path: ['cost'],
    message: 'must be below 65536 for a blockSize of 1',
  });

export const pbkdf2Input = z
  .strictObject({
    algorithm: z.literal('pbkdf2-sha256'),
    ...passwordFields,
    iterations: costField(1, maxIterations, 600_000, 'Rounds of HMAC-SHA-256.'),
  })
  .superRefine(checkData);

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
