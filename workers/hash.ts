// The task /hash: message digests and password hashes. Verifying a password is hash.verify.ts; what threads load is
// hash/run.ts.
import { z } from 'zod';
import { defineTask } from '../src/task.js';
import { argon2idCostUs } from './hash/argon2id.js';
import { bcryptCostUs } from './hash/bcrypt.js';
import { digestAlgorithms, digestCostUs, isDigest } from './hash/digest.js';
import { pbkdf2CostUs } from './hash/pbkdf2.js';
import run, { type HashInput } from './hash/run.js';
import {
  argon2idInput,
  bcryptInput,
  digestBytesQuery,
  digestInput,
  digestOutput,
  digestQuery,
  pbkdf2Input,
  scryptInput,
} from './hash/schemas.js';
import { scryptCostUs } from './hash/scrypt.js';

const passwordAlgorithms = ['argon2id', 'scrypt', 'pbkdf2-sha256', 'bcrypt'] as const;
const algorithms = [...digestAlgorithms, ...passwordAlgorithms];

const input = z.discriminatedUnion(
  'algorithm',
  [digestInput, argon2idInput, scryptInput, pbkdf2Input, bcryptInput],
  {
    error: (issue) =>
      issue.code === 'invalid_union' ? `must be one of ${algorithms.join(', ')}` : undefined,
  },
);

export default defineTask({
  summary: 'Digest or password hash',
  description:
    'Hashes `data`. Digests (sha256 …) answer `digest`, written as `encoding` says, which only they take; password ' +
    'hashes (argon2id, scrypt, pbkdf2-sha256, bcrypt) take their own cost fields, refuse an empty password, draw a ' +
    'random salt and answer `hash`, a string that other libraries verify too. ' +
    'A body of `application/octet-stream` is digested as it is, with `algorithm` and `encoding` in the query.',
  input,
  output: z
    .union([digestOutput, z.strictObject({ algorithm: z.enum(passwordAlgorithms), hash: z.string() })])
    .meta({
      examples: [
        {
          algorithm: 'sha256',
          digest: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
          encoding: 'hex',
        },
      ],
    }),
  examples: [
    { algorithm: 'sha256', data: 'abc' },
    { algorithm: 'blake2b512', data: 'AAECAw==', inputEncoding: 'base64', encoding: 'base64url' },
    { algorithm: 'argon2id', data: 'correct horse battery staple' },
    { algorithm: 'scrypt', data: 'correct horse battery staple', cost: 16_384 },
    { algorithm: 'pbkdf2-sha256', data: 'correct horse battery staple', iterations: 100_000 },
    { algorithm: 'bcrypt', data: 'correct horse battery staple', rounds: 8 },
  ],
  query: digestQuery,
  fromBytes: (bytes, query) => ({ ...query, data: bytes }),
  bytesQuery: digestBytesQuery,
  kind: ({ algorithm }) => algorithm,
  cost: costUs,
  inline: ({ algorithm }) => isDigest(algorithm),
  runFrom: new URL('./hash/run.js', import.meta.url),
  run,
});

function costUs(input: HashInput): number {
  switch (input.algorithm) {
    case 'argon2id':
      return argon2idCostUs(input);
    case 'scrypt':
      return scryptCostUs(input);
    case 'pbkdf2-sha256':
      return pbkdf2CostUs(input);
    case 'bcrypt':
      return bcryptCostUs(input);
    default:
      return digestCostUs(input);
  }
}
