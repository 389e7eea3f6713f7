// The README's commands and code, run as they stand there.
import { execFile, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCluster } from './support/cluster.js';
import { copyOfProject } from './support/copy-of-project.js';
import { startTestServer, type TestServer } from './support/server.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const hasCurl = spawnSync('curl', ['--version']).status === 0;
if (!hasCurl) console.warn('Skipped: the README’s calls need curl (Debian: apt-get install curl).');

/** The first block of code below a heading. */
function blockBelow(heading: string): string {
  const [, block] = new RegExp(`^## ${heading}$[^]*?^\`\`\`\\w*\\n([^]*?)^\`\`\`$`, 'm').exec(readme) ?? [];
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

it('the README’s own CPU route is what its command writes, and serves as it is', async () => {
  const code = blockBelow('Your own CPU route in one file');
  const [, file = ''] = /^\/\/ (workers\/\S+)/.exec(code) ?? [];
  const [, main = '', ...words] = /`node (dist\/\S+) (new-task) (\S+)`/.exec(readme) ?? [];
  using copy = copyOfProject();
  await promisify(execFile)(process.execPath, [main, ...words], { cwd: copy.path });
  expect(readFileSync(join(copy.path, file), 'utf8')).toBe(code);
  await promisify(execFile)(process.execPath, [join(copy.path, 'build.js')]);
  await using cluster = await startCluster({
    entry: join(copy.path, 'dist/src/main.js'),
    env: { WORKERS: '1', ADMIN_PORT: 'off' },
  });
  const asked = await fetch(`${cluster.url}/wordcount?text=to+be+or+not+to+be`);
  expect(await asked.json()).toEqual({ words: 6 });
  const { paths } = (await (await fetch(`${cluster.url}/openapi.json`)).json()) as { paths: object };
  expect(paths).toHaveProperty('/wordcount');
}, 120_000);

it('the README’s own Express app serves by its command', async () => {
  const code = blockBelow('Your own Express app');
  const [, file = ''] = /^\/\/ (\S+)/.exec(code) ?? [];
  const [, name = '', value = '', main = '', argument = ''] =
    /`(BUILT_INS)=(\S+) node (dist\/\S+) (\S+)`/.exec(readme) ?? [];
  using copy = copyOfProject();
  writeFileSync(join(copy.path, file), code);
  await using cluster = await startCluster({
    entry: join(copy.path, main),
    env: { APP: join(copy.path, argument), [name]: value, WORKERS: '1', ADMIN_PORT: 'off' },
  });
  expect(await (await fetch(`${cluster.url}/greeting`)).json()).toEqual({ hello: 'world' });
  const digest = await fetch(`${cluster.url}/digest?of=abc`);
  const sha256OfAbc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  expect(await digest.json()).toMatchObject({ digest: sha256OfAbc });
}, 60_000);
