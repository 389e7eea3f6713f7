// API keys in the real cluster: a file that cannot be used stops the boot, a reload reads it anew.
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { launch, startCluster } from '../../support/cluster.js';

const line = (name: string, key: string) => `${name}:${createHash('sha256').update(key).digest('hex')}\n`;

async function keyFile(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'keys-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'keys.txt');
  await writeFile(file, text);
  return file;
}

it('a malformed key file ends the boot with 78 and one line that names it', async () => {
  const file = await keyFile(`${line('ann', 'a')}bob\n`);
  await using server = launch({ env: { API_KEYS_FILE: file } });
  expect(await server.exited).toBe(78);
  expect(server.stderr().trim().split('\n')).toEqual([
    expect.stringContaining(`API_KEYS_FILE ${file}, line 2 `),
  ]);
});

it('millrace check says the same without a start', async () => {
  const file = await keyFile('bob');
  await using server = launch({ args: ['check'], env: { API_KEYS_FILE: file } });
  expect(await server.exited).toBe(78);
  expect(server.stderr()).toContain(`API_KEYS_FILE ${file}, line 1 `);
});

it('a reload reads the key file anew, and keeps the old one where the new one is malformed', async () => {
  const file = await keyFile(line('ann', 'old'));
  await using server = await startCluster({ env: { API_KEYS_FILE: file } });
  const status = async (key: string) =>
    (await fetch(`${server.url}/`, { headers: { 'x-api-key': key, connection: 'close' } })).status;
  const reload = async (outcome: string, times: number) => {
    server.signal('SIGHUP');
    await expect
      .poll(() => server.lines.filter((line) => line.msg === `reload ${outcome}`).length)
      .toBe(times);
  };
  expect([await status('old'), await status('new')]).toEqual([200, 401]);

  await writeFile(file, line('ann', 'new'));
  await reload('completed', 1);
  expect([await status('old'), await status('new')]).toEqual([401, 200]);

  await writeFile(file, 'nonsense');
  await reload('aborted', 1);
  expect([await status('old'), await status('new')]).toEqual([401, 200]);
  expect(await server.stop()).toBe(0);
});
