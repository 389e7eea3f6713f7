import { scryptSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import hash from '#workers/hash.js';
import verify from '#workers/hash.verify.js';
import { issuePaths, runTask } from '../../support/run-task.js';

function hashOf(input: unknown): string {
  const result = runTask(hash, input);
  return typeof result === 'object' && result !== null && 'hash' in result ? String(result.hash) : '';
}

/** Made by other libraries: argon2-cffi 21.1.0, passlib 1.7.4, bcrypt 3.2.2 (all Python), unless said. */
const foreign: [password: string, hash: string][] = [
  ['secret', '$argon2id$v=19$m=1024,t=1,p=1$XJvoqNI90zEREAICuQ6Avg$cNqzcst8rSWbl3gaTc+0Bg'],
  ['secret', '$argon2id$v=19$m=19456,t=2,p=1$B3OhoE210xxhI0EwS1ooZA$nwuzA9byaSZK8zMKdhK/xA'],
  ['pässwörd', '$argon2id$v=19$m=1024,t=3,p=4$IJQ6bXJahtjZs311QnoQJw$Nhaaue3ZCuY/oIDqZSeswg'],
  ['secret', '$scrypt$ln=10,r=8,p=1$zpkTQqgVohQixNjbuxeC0A$sgaB3YU6/lWHyLXLrba9Y6DulMljn0zmFwWU0gCPc+I'],
  ['pässwörd', '$scrypt$ln=4,r=16,p=3$ds7Z27u3FuK8t1bqnZMSYg$tc+LAn0y0S+QqPYnEJVmVkm212iMD1GA0LMn4GyDhNc'],
  ['secret', '$pbkdf2-sha256$1000$8f7fWwvhvFfq3ZvTGoPwPg$lpGzygdtXH5YOIEpJIBFCFzrnUyeyk16MQ3.w770NUI'],
  [
    'pässwörd',
    '$pbkdf2-sha256$12345$uXdOaQ2hlJISAgCgdC7lvJfS2nuPUWqN$qhgJaidpbLQ.fQtYhrZ8I2.GbwVoM8oC3GEqKwZX7DU',
  ],
  ['secret', '$2b$05$7VQjq8iLEVLARItTwjyMD.UD.6KJNHwJ.TfGifmKHm1N955iS9Pcq'],
  ['pässwörd', '$2a$04$1kiFmEw4RjTNI3b92WkfbOTQDb8wBpvTJMbmwFxqsBewjBJpItz7i'],
  // Openwall's crypt_blowfish 1.3, wrapper.c: its own test vectors
  ['U*U', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
  ['U*U', '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
  ['', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy'],
];

/** RFC 7914 section 12, as strings: password, N = 2^ln, r, p, salt, 64 bytes */
const rfc7914: [string, string, string, string][] = [
  [
    'password',
    'ln=10,r=8,p=16',
    'NaCl',
    'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640',
  ],
  [
    'pleaseletmein',
    'ln=14,r=8,p=1',
    'SodiumChloride',
    '7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887',
  ],
];

const cheap = fc.constantFrom(
  { algorithm: 'argon2id', memoryCost: 32, timeCost: 1, parallelism: 2 },
  { algorithm: 'scrypt', cost: 16, blockSize: 2, parallelization: 2 },
  { algorithm: 'pbkdf2-sha256', iterations: 3 },
  { algorithm: 'bcrypt', rounds: 4 },
);

describe('password hashes', () => {
  test.each(foreign)('%j matches %s, which another library made', (data, stored) => {
    expect(runTask(verify, { data, hash: stored })).toEqual({ match: true });
    expect(runTask(verify, { data: `${data}x`, hash: stored })).toEqual({ match: false });
  });

  test('scrypt verifies the vector of RFC 7914 that is within the caps, and refuses the other', () => {
    const strings = rfc7914.map(([data, cost, salt, hex]) => {
      const unpadded = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
      return {
        data,
        hash: `$scrypt$${cost}$${unpadded(Buffer.from(salt))}$${unpadded(Buffer.from(hex, 'hex'))}`,
      };
    });
    expect(issuePaths(verify, strings[0])).toEqual(['hash']);
    expect(runTask(verify, strings[1])).toEqual({ match: true });
  });

  test('what was hashed verifies, and nothing else does', () => {
    fc.assert(
      fc.property(cheap, fc.uint8Array({ minLength: 1, maxLength: 60 }), (cost, bytes) => {
        const password = Buffer.from(bytes.map((byte) => byte || 1));
        const data = password.toString('hex');
        const stored = hashOf({ ...cost, data, inputEncoding: 'hex' });
        const tried = { hash: stored, inputEncoding: 'hex' };
        expect(runTask(verify, { ...tried, data })).toEqual({ match: true });
        expect(runTask(verify, { ...tried, data: `${data}21` })).toEqual({ match: false });
        expect(
          runTask(verify, { ...tried, data: password.toString('base64'), inputEncoding: 'base64' }),
        ).toEqual({
          match: true,
        });
      }),
      { numRuns: 40 },
    );
  });

  test.each<[Record<string, unknown>, RegExp]>([
    [{ algorithm: 'argon2id' }, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/],
    [{ algorithm: 'scrypt' }, /^\$scrypt\$ln=17,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/],
    [{ algorithm: 'pbkdf2-sha256' }, /^\$pbkdf2-sha256\$600000\$[A-Za-z0-9./]{22}\$[A-Za-z0-9./]{43}$/],
    [{ algorithm: 'bcrypt' }, /^\$2b\$12\$[A-Za-z0-9./]{53}$/],
  ])('%o has its defaults and the form that other libraries read', (input, form) => {
    const stored = hashOf({ ...input, data: 'secret' });
    expect(stored).toMatch(form);
    expect(runTask(hash, { ...input, data: 'secret' })).not.toMatchObject({ hash: stored });
    expect(runTask(verify, { data: 'secret', hash: stored })).toEqual({ match: true });
  });

  test('scrypt at the caps of its memory is computed', () => {
    const stored = hashOf({ algorithm: 'scrypt', data: 'secret', cost: 262_144, blockSize: 16 });
    const [, , , salt = '', digest] = stored.split('$');
    const expected = scryptSync('secret', Buffer.from(salt, 'base64'), 32, {
      cost: 262_144,
      blockSize: 16,
      maxmem: 1 << 30,
    });
    expect(digest).toBe(expected.toString('base64').replace('=', ''));
  });
});

describe('a password hash is refused', () => {
  test.each<[Record<string, unknown>, string]>([
    [{ algorithm: 'argon2id', data: '' }, 'data'],
    [{ algorithm: 'argon2id', memoryCost: 65_537 }, 'memoryCost'],
    [{ algorithm: 'argon2id', memoryCost: 7 }, 'memoryCost'],
    [{ algorithm: 'argon2id', memoryCost: 31, parallelism: 4 }, 'memoryCost'],
    [{ algorithm: 'argon2id', memoryCost: '64' }, 'memoryCost'],
    [{ algorithm: 'argon2id', timeCost: 11 }, 'timeCost'],
    [{ algorithm: 'argon2id', timeCost: 0 }, 'timeCost'],
    [{ algorithm: 'argon2id', timeCost: 1.5 }, 'timeCost'],
    [{ algorithm: 'argon2id', parallelism: 5 }, 'parallelism'],
    [{ algorithm: 'argon2id', iterations: 5 }, ''],
    [{ algorithm: 'argon2id', encoding: 'hex' }, ''],
    [{ algorithm: 'scrypt', cost: 524_288 }, 'cost'],
    [{ algorithm: 'scrypt', cost: 1_000 }, 'cost'],
    [{ algorithm: 'scrypt', cost: 1 }, 'cost'],
    [{ algorithm: 'scrypt', cost: 65_536, blockSize: 1 }, 'cost'],
    [{ algorithm: 'scrypt', blockSize: 17 }, 'blockSize'],
    [{ algorithm: 'scrypt', parallelization: 5 }, 'parallelization'],
    [{ algorithm: 'pbkdf2-sha256', iterations: 2_000_001 }, 'iterations'],
    [{ algorithm: 'pbkdf2-sha256', iterations: 0 }, 'iterations'],
    [{ algorithm: 'bcrypt', rounds: 16 }, 'rounds'],
    [{ algorithm: 'bcrypt', rounds: 3 }, 'rounds'],
    [{ algorithm: 'bcrypt', data: 'a'.repeat(73) }, 'data'],
    [{ algorithm: 'bcrypt', data: 'ä'.repeat(37) }, 'data'],
    [{ algorithm: 'bcrypt', data: 'a\0b' }, 'data'],
    [{ algorithm: 'bcrypt', data: '610062', inputEncoding: 'hex' }, 'data'],
    [{ algorithm: 'bcrypt', data: 'xyz', inputEncoding: 'hex' }, 'data'],
    [{ algorithm: 'bcrypt', data: new Uint8Array(3) }, 'data'],
  ])('for %o', (input, path) => {
    expect(issuePaths(hash, { data: 'secret', ...input })).toContain(path);
  });

  test('not for 72 bytes of bcrypt', () => {
    expect(issuePaths(hash, { algorithm: 'bcrypt', data: 'ä'.repeat(36) })).toEqual([]);
  });
});

describe('a stored hash is refused', () => {
  const argon2 = 'XJvoqNI90zEREAICuQ6Avg$cNqzcst8rSWbl3gaTc+0Bg';
  const scrypt = 'zpkTQqgVohQixNjbuxeC0A$sgaB3YU6/lWHyLXLrba9Y6DulMljn0zmFwWU0gCPc+I';
  const pbkdf2 = '8f7fWwvhvFfq3ZvTGoPwPg$lpGzygdtXH5YOIEpJIBFCFzrnUyeyk16MQ3.w770NUI';
  const bcrypt = '7VQjq8iLEVLARItTwjyMD.UD.6KJNHwJ.TfGifmKHm1N955iS9Pcq';

  test.each([
    '',
    'secret',
    '$',
    '$argon2id$',
    `$argon2i$v=19$m=1024,t=1,p=1$${argon2}`,
    `$argon2id$v=16$m=1024,t=1,p=1$${argon2}`,
    `$argon2id$m=1024,t=1,p=1$${argon2}`,
    `$argon2id$v=19$t=1,m=1024,p=1$${argon2}`,
    `$argon2id$v=19$m=01024,t=1,p=1$${argon2}`,
    `$argon2id$v=19$m=1024,t=1,p=1,keyid=ab$${argon2}`,
    `$argon2id$v=19$m=65537,t=1,p=1$${argon2}`,
    `$argon2id$v=19$m=1024,t=11,p=1$${argon2}`,
    `$argon2id$v=19$m=1024,t=1,p=5$${argon2}`,
    `$argon2id$v=19$m=1024,t=1,p=0$${argon2}`,
    `$argon2id$v=19$m=8,t=1,p=2$${argon2}`,
    `$argon2id$v=19$m=99999999999999999999,t=1,p=1$${argon2}`,
    `$argon2id$v=19$m=1024,t=1,p=1$${argon2}$`,
    `$argon2id$v=19$m=1024,t=1,p=1$${argon2}\n`,
    `$argon2id$v=19$m=1024,t=1,p=1$${argon2}==`,
    `$argon2id$v=19$m=1024,t=1,p=1$AAAA$cNqzcst8rSWbl3gaTc+0Bg`,
    `$argon2id$v=19$m=1024,t=1,p=1$XJvoqNI90zEREAICuQ6Avh$cNqzcst8rSWbl3gaTc+0Bg`,
    `$scrypt$ln=19,r=8,p=1$${scrypt}`,
    `$scrypt$ln=0,r=8,p=1$${scrypt}`,
    `$scrypt$ln=10,r=17,p=1$${scrypt}`,
    `$scrypt$ln=10,r=8,p=5$${scrypt}`,
    `$scrypt$ln=16,r=1,p=1$${scrypt}`,
    `$scrypt$ln=10,r=8$${scrypt}`,
    `$scrypt$ln=1e1,r=8,p=1$${scrypt}`,
    `$scrypt$ln=10,r=8,p=1$${scrypt.replaceAll('+', '.')}`,
    `$pbkdf2-sha256$0$${pbkdf2}`,
    `$pbkdf2-sha256$2000001$${pbkdf2}`,
    `$pbkdf2-sha256$01000$${pbkdf2}`,
    `$pbkdf2-sha256$1000$${pbkdf2.replaceAll('.', '+')}`,
    `$pbkdf2-sha256$1000$${pbkdf2}AA`,
    `$pbkdf2-sha512$1000$${pbkdf2}`,
    `$2b$16$${bcrypt}`,
    `$2b$03$${bcrypt}`,
    `$2b$5$${bcrypt}`,
    `$2b$+5$${bcrypt}`,
    `$2x$05$${bcrypt}`,
    `$2$05$${bcrypt}`,
    `$2b$05$${bcrypt}.`,
    `$2b$05$${bcrypt.slice(0, -1)}r`,
    `$2b$05$${bcrypt.replace('.', 'A')}`,
    `$2b$05$${'a'.repeat(513)}`,
  ])('%j', (stored) => {
    expect(issuePaths(verify, { data: 'secret', hash: stored })).toEqual(['hash']);
  });

  test('with a password that bcrypt would cut', () => {
    expect(issuePaths(verify, { data: 'a'.repeat(73), hash: `$2b$05$${bcrypt}` })).toEqual(['data']);
    expect(issuePaths(verify, { data: 'secret\0', hash: `$2b$05$${bcrypt}` })).toEqual(['data']);
  });

  test.each<[unknown, string]>([
    [{ data: 'secret' }, 'hash'],
    [{ hash: `$2b$05$${bcrypt}` }, 'data'],
    [{ data: 'zz', inputEncoding: 'hex', hash: `$2b$05$${bcrypt}` }, 'data'],
    [{ data: 'secret', hash: `$2b$05$${bcrypt}`, algorithm: 'bcrypt' }, ''],
  ])('where a field is missing, wrong or unknown: %j', (input, path) => {
    expect(issuePaths(verify, input)).toContain(path);
  });
});
