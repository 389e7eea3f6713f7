// The README's calls, run as they stand there. Its files are run by package/package.test.ts, in a project that installed it.
import { execFile, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from './support/server.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const hasCurl = spawnSync('curl', ['--version']).status === 0;
if (!hasCurl) console.warn('Skipped: the README’s calls need curl (Debian: apt-get install curl).');

/** The first block of code below a heading. */
function blockBelow(heading: string): string {
  const [, block] = new RegExp(`^#+ ${heading}$[^]*?^\`\`\`\\w*\\n([^]*?)^\`\`\`$`, 'm').exec(readme) ?? [];
  if (block === undefined) throw new Error(`There is no code below "${heading}".`);
  return block;
}

const calls = blockBelow('Ten calls').trim().split('\n');

it('the README has ten calls', () => {
  expect(calls).toHaveLength(10);
});

describe.skipIf(!hasCurl)('the README’s calls', () => {
  let server: TestServer;
  let folder: string;
  beforeAll(async () => {
    server = await startTestServer();
    folder = mkdtempSync(join(tmpdir(), 'millrace-readme-'));
    cpSync(join(root, 'package.json'), join(folder, 'package.json'));
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await server.close('stop', 10_000);
  });

  it.each(calls)('%s', async (call) => {
    expect(call).toContain('http://127.0.0.1:3000');
    const here = call.replace('http://127.0.0.1:3000', server.url);
    // What it writes into the machine's own folder it writes into the test's.
    const curl = `${here.replaceAll('/tmp/', `${folder}/`)} -sS --fail -w '%{stderr}%{http_code}'`;
    const { stdout, stderr } = await promisify(execFile)('sh', ['-c', curl], { cwd: folder });
    expect(stderr).toBe('200');
    expect(
      stdout === '' ? readFileSync(join(folder, 'mandelbrot.png')).length : stdout.length,
    ).toBeGreaterThan(0);
  });
});
