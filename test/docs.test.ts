// The documents' examples, run as they stand there: files, calls, and what these print.
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type TestServer, testServer } from 'millrace/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const hasCurl = spawnSync('curl', ['--version']).status === 0;
if (!hasCurl) console.warn('Skipped: the calls in the documents need curl (Debian: apt-get install curl).');

const text = readFileSync(join(root, 'docs/tasks.md'), 'utf8');
const files = [...text.matchAll(/^```js\n\/\/ (\S+\.js)\n([\s\S]*?)^```$/gm)].map(
  ([, name = '', code = '']) => ({
    name,
    code,
  }),
);
const calls = [...text.matchAll(/^```sh\n([\s\S]*?)^```\n```\n([\s\S]*?)^```$/gm)].map(
  ([, commands = '', printed = '']) => [commands.trim(), printed] as const,
);

describe.skipIf(!hasCurl)('docs/tasks.md', () => {
  let server: TestServer;
  let folder: string;
  beforeAll(async () => {
    // Inside the package, so that they find it and zod.
    folder = mkdtempSync(join(root, 'dist/docs-'));
    for (const { name, code } of files) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), code);
    }
    server = await testServer({ app: join(folder, 'app.js'), tasks: join(folder, 'tasks'), poolNice: 0 });
  });
  afterAll(async () => {
    await server?.close();
    rmSync(folder, { recursive: true });
  });

  it('has a call of every file', () => {
    expect(files.length).toBeGreaterThan(5);
    const all = text.match(/^```(js|sh)$/gm) ?? [];
    expect(all).toHaveLength(files.length + calls.length);
    expect(calls).toHaveLength(files.length);
  });

  it.each(calls)('%s', async (commands, printed) => {
    const lines = commands.split('\n').map((line) => {
      expect(line).toContain('http://127.0.0.1:3000');
      return `${line.replace('http://127.0.0.1:3000', server.url)} -sS`;
    });
    const { stdout } = await promisify(execFile)('sh', ['-c', lines.join('\necho\n')], { cwd: tmpdir() });
    // A terminal shows each answer on lines of its own, whether it ends one or not.
    const shown = (given: string) => given.replace(/\n+$/, '').replace(/\n\n(?=\{)/g, '\n');
    expect(shown(stdout)).toBe(shown(printed));
  });
});
