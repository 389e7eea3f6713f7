// The work of /hash/verify: all that a thread loads of it. The task itself is ../hash.verify.ts.
import { readArgon2id } from './argon2id.js';
import { readBcrypt } from './bcrypt.js';
import { decodeData } from './data.js';
import type { Password } from './password.js';
import { readPbkdf2 } from './pbkdf2.js';
import { readScrypt } from './scrypt.js';
import type { BadHash, StoredHash } from './stored-hash.js';

const readers: readonly [prefix: RegExp, read: (text: string) => StoredHash | BadHash][] = [
  [/^\$argon2id\$/, readArgon2id],
  [/^\$scrypt\$/, readScrypt],
  [/^\$pbkdf2-sha256\$/, readPbkdf2],
  [/^\$2[aby]\$/, readBcrypt],
];

export function readHash(text: string): StoredHash | BadHash {
  const reader = readers.find(([prefix]) => prefix.test(text));
  return (
    reader?.[1](text) ?? {
      problem: 'must begin with $argon2id$, $scrypt$, $pbkdf2-sha256$, $2a$, $2b$ or $2y$',
    }
  );
}

/** For input that has been validated. */
export function storedHash(text: string): StoredHash {
  const read = readHash(text);
  if ('problem' in read) throw new Error(`the hash ${read.problem}`);
  return read;
}

export default function run(input: Password & { readonly hash: string }) {
  return { match: storedHash(input.hash).verify(decodeData(input)) };
}
