import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { millraceVersion } from '#src/version.js';
import { millrace } from '../support/command.js';

// What it writes is installed, tested and started in test/package.
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-init-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('millrace init writes a project, named by its folder, that asks for this version', async () => {
  const { code, stdout } = await millrace(['init', 'My Shop'], { cwd: folder });
  expect(code).toBe(0);
  expect(stdout).toContain('cd "My Shop"');
  const manifest: unknown = JSON.parse(await readFile(join(folder, 'My Shop/package.json'), 'utf8'));
  expect(manifest).toMatchObject({ name: 'my-shop', dependencies: { millrace: `^${millraceVersion()}` } });
});

it('millrace init takes no folder that holds anything', async () => {
  const full = await mkdtemp(join(folder, 'full-'));
  await writeFile(join(full, 'notes.txt'), 'mine');
  const { code, stderr } = await millrace(['init', full]);
  expect(code).toBe(1);
  expect(stderr).toContain(`${full} is not empty: it holds notes.txt`);
  expect(await readdir(full)).toEqual(['notes.txt']);
});

it('millrace init needs to know where', async () => {
  expect(await millrace(['init'])).toMatchObject({
    code: 78,
    stderr: expect.stringContaining('init needs a DIR'),
  });
});
