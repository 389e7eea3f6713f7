// What `millrace check` says of an app's file: the same as the start, without running its setup.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { launch } from '../support/cluster.js';
import { millrace } from '../support/command.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(fileURLToPath(new URL('../fixtures/apps/', import.meta.url)));
  writeFileSync(join(folder, 'broken.mjs'), 'export const = 1;');
});
afterAll(() => rmSync(folder, { recursive: true }));

const header = "import { defineApp } from 'millrace';\n";

function write(source: string): string {
  const file = join(folder, 'app.mjs');
  writeFileSync(file, source);
  return file;
}

it.each([
  [
    'is no JavaScript',
    'const a = 1;\nexport default 1 +* 2;',
    "cannot be imported: Unexpected token '*' (line 2, column 19)",
  ],
  ['imports what is no JavaScript', "import './broken.mjs';", 'broken.mjs, line 1, column 14)'],
  ['imports what is not there', "import './nothing.js';", 'cannot be imported: '],
  ['exports no app', 'export default () => {};', 'has no default export made by defineApp'],
  ['throws', "throw new Error('no settings');", 'cannot be imported: no settings'],
  [
    'never comes to its end',
    'await new Promise(() => {});',
    'its top-level await waits for what never comes',
  ],
  ['ends the process', 'process.exit(0);', 'its process ended with code 0 while the file was being imported'],
  [
    'leaves an error behind',
    `${header}export default defineApp(() => {}); Promise.reject(new Error('left'));`,
    'left',
  ],
])('one that %s is named by check and by the start, with exit code 78', async (_what, source, reason) => {
  const file = write(source);
  const env = { APP: file, WORKERS: '1' };
  const checked = await millrace(['check'], { env });
  expect(checked).toMatchObject({ code: 78, stdout: '' });
  const line = /^millrace: .*\n$/m.exec(checked.stderr)?.[0];
  expect(line).toContain(`${file}: `);
  expect(line).toContain(reason);
  await using cluster = launch({ env });
  expect(await cluster.exited).toBe(78);
  expect(/^millrace: .*\n$/m.exec(cluster.stderr())?.[0]).toBe(line);
});

it('one whose own code throws is told with the stack, by check and in the log', async () => {
  const file = write('\nconst settings = undefined;\nsettings.database;');
  const env = { APP: file, WORKERS: '1' };
  const checked = await millrace(['check'], { env });
  expect(checked.stderr).toContain('app.mjs:3:10');
  await using cluster = launch({ env });
  expect(await cluster.exited).toBe(78);
  const line = cluster.lines.find(({ msg }) => String(msg).startsWith(`${file}: cannot be imported`));
  expect(line).toMatchObject({ level: 50, err: { stack: expect.stringContaining('app.mjs:3:10') } });
});

it.each([
  ['is not there', 'nope.js', 'cannot be found (ENOENT), and APP must name the file of an app'],
  ['is a folder', '', 'is no file, and APP must name that of an app'],
])('one that %s is told with the path that was looked at', async (_what, name, reason) => {
  const line = `millrace: ${join(folder, name)}: ${reason}\n`;
  const checked = await millrace(['check', `./${name}`], { cwd: folder });
  expect(checked).toEqual({ code: 78, stdout: '', stderr: line });
  await using cluster = launch({ env: { APP: join(folder, name), WORKERS: '1' } });
  expect(await cluster.exited).toBe(78);
  expect(cluster.stderr()).toBe(line);
});

it('one that can be served is told, and its setup is not run', async () => {
  const file = write(`${header}export default defineApp(() => { throw new Error('the setup was run'); });`);
  const checked = await millrace(['check', '--app', file], {});
  expect(checked).toMatchObject({ code: 0, stderr: '' });
  expect(checked.stdout).toContain(`The app is ${file}. Its setup was not run.`);
  expect(checked.stdout).toContain('Settings, task files and app are fine.');
});
