// The task /hash/verify: does a password belong to a stored hash? Making hashes is hash.ts; what threads load
// is hash/verify.ts.
import { z } from 'zod';
import { defineTask } from '../src/task.js';
import { decodeData } from './hash/data.js';
import { checkData, inputEncoding } from './hash/schemas.js';
import run, { readHash, storedHash } from './hash/verify.js';

/** Longer than any string of a known form. */
const maxHashLength = 512;

const input = z
  .strictObject({
    data: z.string().describe('The password to try.'),
    hash: z
      .string()
      .max(maxHashLength, { abort: true })
      .describe(
        'The stored hash, as `/hash` or another library wrote it; its costs must be within the caps of `/hash`.',
      ),
    inputEncoding,
  })
  .superRefine(checkData)
  .superRefine(({ data, hash, inputEncoding }, context) => {
    const read = readHash(hash);
    if ('problem' in read) {
      context.addIssue({ code: 'custom', path: ['hash'], message: read.problem });
      return;
    }
    const message = read.passwordProblem?.(decodeData({ data, inputEncoding }));
    if (message !== undefined) context.addIssue({ code: 'custom', path: ['data'], message });
  });

export default defineTask({
  summary: 'Verify a password',
  description:
    'Says whether `data` is the password of `hash`: a string of argon2id, scrypt, pbkdf2-sha256 or bcrypt as ' +
    '`/hash` writes them, or of another library in the same form.',
  input,
  output: z.strictObject({ match: z.boolean() }).meta({ examples: [{ match: true }] }),
  examples: [
    {
      data: 'secret',
      hash: '$argon2id$v=19$m=1024,t=1,p=1$XJvoqNI90zEREAICuQ6Avg$cNqzcst8rSWbl3gaTc+0Bg',
    },
    {
      data: 'secret',
      hash: '$scrypt$ln=10,r=8,p=1$zpkTQqgVohQixNjbuxeC0A$sgaB3YU6/lWHyLXLrba9Y6DulMljn0zmFwWU0gCPc+I',
    },
    {
      data: 'secret',
      hash: '$pbkdf2-sha256$1000$8f7fWwvhvFfq3ZvTGoPwPg$lpGzygdtXH5YOIEpJIBFCFzrnUyeyk16MQ3.w770NUI',
    },
    { data: 'secret', hash: '$2b$05$7VQjq8iLEVLARItTwjyMD.UD.6KJNHwJ.TfGifmKHm1N955iS9Pcq' },
  ],
  kind: ({ hash }) => storedHash(hash).algorithm,
  cost: ({ hash }) => storedHash(hash).costUs,
  runFrom: new URL('./hash/verify.js', import.meta.url),
  run,
});
