import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import hash from '#workers/hash.js';
import { issuePaths, runTask } from '../../support/run-task.js';

const abc: Record<string, string> = {
  // FIPS 180-4 (NIST CSRC "Examples with intermediate values") for SHA-1 and SHA-2
  sha1: 'a9993e364706816aba3e25717850c26c9cd0d89d',
  sha224: '23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7',
  sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  sha384: 'cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7',
  sha512:
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
  // FIPS 202 examples
  'sha3-256': '3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532',
  'sha3-384':
    'ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25',
  'sha3-512':
    'b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0',
  // RFC 7693 appendices A and B
  blake2b512:
    'ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923',
  blake2s256: '508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982',
  // RFC 1321 section A.5
  md5: '900150983cd24fb0d6963f7d28e17f72',
};

const empty: Record<string, string> = {
  sha1: 'da39a3ee5e6b4b0d3255bfef95601890afd80709',
  sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  'sha3-256': 'a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a',
  md5: 'd41d8cd98f00b204e9800998ecf8427e',
};

/** FIPS 180-4 and FIPS 202: a million times "a" */
const millionAs: Record<string, string> = {
  sha1: '34aa973cd4c4daa4f61eeb2bdbad27316534016f',
  sha256: 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0',
  sha512:
    'e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973ebde0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b',
  'sha3-256': '5c8875ae474a3634ba4fd55ec85bffd661f32aca75c6d699d0cdcb6c115891c1',
};

describe('digests', () => {
  test.each(Object.entries(abc))('%s of "abc" is the published one', (algorithm, digest) => {
    expect(runTask(hash, { algorithm, data: 'abc' })).toEqual({ algorithm, digest, encoding: 'hex' });
  });

  test.each(Object.entries(empty))('%s of nothing is the published one', (algorithm, digest) => {
    expect(runTask(hash, { algorithm, data: '' })).toEqual({ algorithm, digest, encoding: 'hex' });
  });

  test.each(Object.entries(millionAs))(
    '%s of a million letters is the published one',
    (algorithm, digest) => {
      expect(runTask(hash, { algorithm, data: 'a'.repeat(1_000_000) })).toMatchObject({ digest });
    },
  );

  test('equal those of node:crypto, for any bytes, in any encoding, in or out', () => {
    const names = fc.constantFrom(...Object.keys(abc));
    const encodings = fc.constantFrom('hex', 'base64', 'base64url');
    fc.assert(
      fc.property(names, encodings, fc.uint8Array({ maxLength: 300 }), (algorithm, encoding, bytes) => {
        const digest = createHash(algorithm).update(bytes).digest(encoding);
        const expected = { algorithm, digest, encoding };
        const buffer = Buffer.from(bytes);
        const input = { algorithm, encoding };
        expect(runTask(hash, { ...input, data: buffer.toString('hex'), inputEncoding: 'hex' })).toEqual(
          expected,
        );
        expect(runTask(hash, { ...input, data: buffer.toString('base64'), inputEncoding: 'base64' })).toEqual(
          expected,
        );
        expect(runTask(hash, hash.fromBytes?.(bytes, input))).toEqual(expected);
      }),
    );
  });

  test('text is UTF-8, and hexadecimal may be written in capitals', () => {
    const utf8 = runTask(hash, { algorithm: 'sha256', data: 'grün 🌱' });
    expect(utf8).toMatchObject({ digest: createHash('sha256').update('grün 🌱').digest('hex') });
    expect(runTask(hash, { algorithm: 'md5', data: 'ABCDEF', inputEncoding: 'hex' })).toEqual(
      runTask(hash, { algorithm: 'md5', data: 'abcdef', inputEncoding: 'hex' }),
    );
  });

  test.each<[string, unknown, string]>([
    ['no algorithm', { data: 'abc' }, 'algorithm'],
    ['an unknown algorithm', { algorithm: 'sha999', data: 'abc' }, 'algorithm'],
    ['an algorithm in capitals', { algorithm: 'SHA256', data: 'abc' }, 'algorithm'],
    ['the name of an object property', { algorithm: 'constructor', data: 'abc' }, 'algorithm'],
    ['no data', { algorithm: 'sha256' }, 'data'],
    ['a number as data', { algorithm: 'sha256', data: 1 }, 'data'],
    ['null as data', { algorithm: 'sha256', data: null }, 'data'],
    ['an unknown encoding', { algorithm: 'sha256', data: 'abc', encoding: 'utf8' }, 'encoding'],
    [
      'an unknown input encoding',
      { algorithm: 'sha256', data: 'a', inputEncoding: 'latin1' },
      'inputEncoding',
    ],
    ['an unknown field', { algorithm: 'sha256', data: 'abc', salt: 'x' }, ''],
    ['a cost field', { algorithm: 'sha256', data: 'abc', iterations: 2 }, ''],
    ['an odd number of hex digits', { algorithm: 'sha256', data: 'abc', inputEncoding: 'hex' }, 'data'],
    ['letters that are no hex digits', { algorithm: 'sha256', data: 'zz', inputEncoding: 'hex' }, 'data'],
    ['hex with a space', { algorithm: 'sha256', data: 'ab cd ', inputEncoding: 'hex' }, 'data'],
    [
      'what only looks like hex when cut to bytes',
      { algorithm: 'md5', data: '\u0161\u0161', inputEncoding: 'hex' },
      'data',
    ],
    ['base64 without padding', { algorithm: 'sha256', data: 'YQ', inputEncoding: 'base64' }, 'data'],
    ['base64 with too much padding', { algorithm: 'sha256', data: 'YWI==', inputEncoding: 'base64' }, 'data'],
    ['base64 with bits left over', { algorithm: 'sha256', data: 'YR==', inputEncoding: 'base64' }, 'data'],
    ['base64 of the URL alphabet', { algorithm: 'sha256', data: '_-__', inputEncoding: 'base64' }, 'data'],
    ['base64 with a line break', { algorithm: 'sha256', data: 'YWJj\n', inputEncoding: 'base64' }, 'data'],
    ['a lone surrogate', { algorithm: 'sha256', data: '\ud800' }, 'data'],
  ])('%s is refused', (_title, input, path) => {
    expect(issuePaths(hash, input)).toContain(path);
  });
});

describe('raw bytes', () => {
  test.each(['data', 'inputEncoding'])('refuse %s in the query', (field) => {
    expect(hash.bytesQuery?.safeParse({ algorithm: 'sha256' }).success).toBe(true);
    expect(hash.bytesQuery?.safeParse({ algorithm: 'sha256', [field]: 'hex' }).success).toBe(false);
  });

  test.each<[Record<string, string>, string]>([
    [{}, 'algorithm'],
    [{ algorithm: 'sha999' }, 'algorithm'],
    [{ algorithm: 'sha256', encoding: 'octal' }, 'encoding'],
    [{ algorithm: 'sha256', colour: 'red' }, ''],
    [{ algorithm: 'bcrypt' }, 'data'],
    [{ algorithm: 'argon2id', memoryCost: '64' }, 'data'],
  ])('with %o in the query are refused at %j', (query, path) => {
    expect(issuePaths(hash, hash.fromBytes?.(new Uint8Array(3), query))).toContain(path);
  });
});
