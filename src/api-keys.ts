// The API keys: read from API_KEYS_FILE by each server process, once, at its boot. How a request shows one is
// server/guard/access.ts.
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';

export interface ApiKeys {
  readonly size: number;
  /** The name of the key with these bytes, or undefined where there is none. */
  nameOf(key: Uint8Array): string | undefined;
}

/** A key file that cannot be used: one line that names the file and the line. Never what is in it. */
export class KeyFileError extends Error {
  override readonly name = 'KeyFileError';
}

/** The longest key that is looked at, in bytes. */
const longestKeyBytes = 1_024;

const line = /^([\w.@-]{1,128}):([\da-f]{64})$/i;

/**
 * Reads `name:sha256-of-key` lines; blank ones and those that begin with `#` are passed over. One name may have
 * several keys (an old and a new one): they are one client.
 * @throws KeyFileError
 */
export async function readApiKeys(file: string): Promise<ApiKeys> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'error';
    throw new KeyFileError(`API_KEYS_FILE must be readable, but ${file} is not (${code})`, { cause });
  });
  return parseApiKeys(file, text);
}

/** @throws KeyFileError */
export function parseApiKeys(file: string, text: string): ApiKeys {
  const names = new Map<string, string>();
  // The index by which a key is found is an HMAC under a secret of this process. How long a look-up takes may tell
  // something about the index, but a client can neither compute it nor choose it: not even that a hash begins like
  // another one shows, as it would if the map held the hashes themselves. And it takes as long for ten thousand keys.
  const secret = randomBytes(32);
  const indexOf = (sha256: Uint8Array) => createHmac('sha256', secret).update(sha256).digest('base64');

  for (const [index, raw] of text.split('\n').entries()) {
    const content = raw.trim();
    if (content === '' || content.startsWith('#')) continue;
    const [, name, hash] = line.exec(content) ?? [];
    if (name === undefined || hash === undefined) {
      throw malformed(
        file,
        index,
        'must be name:sha256, with 64 hex digits and a name of letters, digits, . _ @ -',
      );
    }
    const key = indexOf(Buffer.from(hash, 'hex'));
    if (names.has(key)) throw malformed(file, index, 'has a key that is already there');
    names.set(key, name);
  }
  return {
    size: names.size,
    nameOf(key) {
      if (key.length === 0 || key.length > longestKeyBytes) return undefined;
      return names.get(indexOf(createHash('sha256').update(key).digest()));
    },
  };
}

function malformed(file: string, index: number, rule: string): KeyFileError {
  return new KeyFileError(`API_KEYS_FILE ${file}, line ${index + 1} ${rule}`);
}
