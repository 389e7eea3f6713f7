import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { KeyFileError, parseApiKeys, readApiKeys } from '#src/api-keys.js';

const sha256 = (key: string) => createHash('sha256').update(key).digest('hex');
const bytes = (key: string) => Buffer.from(key);
const parse = (...lines: string[]) => parseApiKeys('keys.txt', lines.join('\n'));

describe('a key file', () => {
  it('names the client of each key, also of two keys of one client', () => {
    const keys = parse(`ann:${sha256('a')}`, `bob:${sha256('b')}`, `ann:${sha256('new')}`);
    expect(['a', 'b', 'new'].map((key) => keys.nameOf(bytes(key)))).toEqual(['ann', 'bob', 'ann']);
    expect(keys.size).toBe(3);
  });

  it('may hold comments, blank lines, CRLF, a byte order mark and capital hex', () => {
    const keys = parseApiKeys('f', `\uFEFF# ours\r\n\r\n  ann:${sha256('a').toUpperCase()}  \r\n`);
    expect(keys.nameOf(bytes('a'))).toBe('ann');
  });

  it('knows no other key: not the hash, a prefix, a longer one, an empty or an endless one', () => {
    const keys = parse(`ann:${sha256('secret')}`, `empty:${sha256('')}`, `long:${sha256('x'.repeat(5_000))}`);
    const wrong = [
      '',
      'secre',
      'secrets',
      'SECRET',
      ' secret',
      sha256('secret'),
      'x'.repeat(5_000),
      '__proto__',
    ];
    for (const key of wrong) expect(keys.nameOf(bytes(key)), key.slice(0, 20)).toBeUndefined();
  });

  it.each([
    ['ann', 1],
    [`ann:${sha256('a')}0`, 1],
    [`ann:${'g'.repeat(64)}`, 1],
    [`:${sha256('a')}`, 1],
    [`a b:${sha256('a')}`, 1],
    [`# fine\nann:${sha256('a')}\nann: ${sha256('b')}`, 3],
    [`ann:${sha256('a')}\n\nbob:${sha256('a')}`, 3],
  ])('with %j is refused, naming line %d and not its content', (text, line) => {
    try {
      parseApiKeys('/etc/keys', text);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(KeyFileError);
      const { message } = error as KeyFileError;
      expect(message).toContain(`/etc/keys, line ${line} `);
      expect(message).not.toContain('\n');
      expect(message).not.toContain(sha256('a'));
    }
  });

  it('is read from disk; one that is not there is refused by its name', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'keys-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'keys.txt');
    await expect(readApiKeys(file)).rejects.toThrow(`${file} is not (ENOENT)`);
    await writeFile(file, `ann:${sha256('a')}\n`);
    expect((await readApiKeys(file)).nameOf(bytes('a'))).toBe('ann');
  });

  it('takes no longer to deny a key whose hash begins like a good one’s', () => {
    // Medians of many alternating looks; the slack is for a busy machine, not for a leak (which would be a factor).
    const good = 'the-good-key';
    let isSame = false;
    const keys = parse(
      `ann:${sha256(good)}`,
      ...Array.from({ length: 500 }, (_, i) => `k${i}:${sha256(`k${i}`)}`),
    );
    const far = bytes('far-away-key');
    const median = (list: number[]) => list.sort((a, b) => a - b)[list.length / 2] ?? 0;
    // Again where a neighbour was in the way: a leak would show each time.
    for (let round = 0; round < 5 && !isSame; round++) {
      const times = { near: [] as number[], far: [] as number[] };
      for (let i = 0; i < 4_000; i++) {
        for (const [name, key] of [
          ['near', bytes(good)],
          ['far', far],
        ] as const) {
          const started = process.hrtime.bigint();
          keys.nameOf(key);
          times[name].push(Number(process.hrtime.bigint() - started));
        }
      }
      const ratio = median(times.near) / median(times.far);
      isSame = ratio > 0.7 && ratio < 1.4;
    }
    expect(isSame).toBe(true);
  });
});
