// npm start and npm's own scripts where nothing can be built: a disk that is read-only, an image without the compiler.
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { patient, watch } from './support/cluster.js';
import { type CopyOfProject, copyOfProject } from './support/copy-of-project.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const env = {
  PATH: process.env.PATH,
  HOME: process.env.HOME,
  PORT: '0',
  ADMIN_PORT: '0',
  WORKERS: '1',
  ...patient,
};

let copy: CopyOfProject | undefined;
afterEach(() => {
  copy?.[Symbol.dispose]();
  copy = undefined;
});

interface Ran {
  readonly code: number | null;
  readonly stderr: string;
}

function run(cwd: string, command: string, ...args: string[]): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(command, args, { cwd, env }, (_error, _stdout, stderr) =>
      resolve({ code: child.exitCode, stderr }),
    );
  });
}

async function expectServes(child: ChildProcess): Promise<void> {
  await using launched = watch(child);
  const { url } = await launched.waitForLine(({ msg }) => msg === 'listening');
  expect((await fetch(`${url}/livez`)).status).toBe(200);
  expect(await launched.stop()).toBe(0);
  expect(launched.stderr()).toBe('');
}

/** A project without the compiler, as `npm ci --omit=dev` leaves it. */
function withoutCompiler(...parts: string[]): string {
  copy = copyOfProject({ parent: tmpdir(), parts });
  mkdirSync(join(copy.path, 'node_modules'));
  for (const name of readdirSync(join(root, 'node_modules')))
    if (!/^(@?typescript|\..*)$/.test(name))
      symlinkSync(join(root, 'node_modules', name), join(copy.path, 'node_modules', name));
  return copy.path;
}

describe('in the second stage of an image', () => {
  it('the build alone is enough: npm ci has nothing to prepare, npm start serves', async () => {
    const stage = withoutCompiler('package.json', 'dist');
    expect(await run(stage, 'npm', 'run', 'prepare')).toMatchObject({ code: 0, stderr: '' });
    await expectServes(spawn('npm', ['start'], { cwd: stage, env, stdio: ['ignore', 'pipe', 'pipe'] }));
  });

  it('the sources beside it change nothing, until they are other ones', async () => {
    const stage = withoutCompiler('package.json', 'tsconfig.json', 'build.js', 'src', 'workers', 'dist');
    expect(await run(stage, 'npm', 'run', 'prepare')).toMatchObject({ code: 0, stderr: '' });
    expect(await run(stage, process.execPath, 'build.js')).toMatchObject({ code: 0, stderr: '' });
    appendFileSync(join(stage, 'src/main.ts'), '// changed\n');
    expect(await run(stage, process.execPath, 'build.js')).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^build: \S+ is older than the sources, and typescript [^\n]*\n$/),
    });
    rmSync(join(stage, 'dist'), { recursive: true });
    // It may still come from elsewhere.
    expect(await run(stage, 'npm', 'run', 'prepare')).toMatchObject({ code: 0, stderr: '' });
    expect(await run(stage, process.execPath, 'build.js')).toMatchObject({ code: 1 });
  });
});

const readOnly = 'mount --bind . . && mount -o remount,ro,bind . && cd "$PWD" && exec "$@"';
const canMount =
  spawnSync('unshare', ['-rm', 'sh', '-c', readOnly, 'sh', 'true'], { cwd: tmpdir() }).status === 0;
if (!canMount) console.warn('skipped: no mount namespace here in which a disk could be made read-only');

describe.skipIf(!canMount)('on a read-only disk', () => {
  const inReadOnly = ['-rm', 'sh', '-c', readOnly, 'sh'];

  it('npm start serves a build that is of these sources', async () => {
    copy = copyOfProject();
    const { path } = copy;
    await expectServes(
      spawn('unshare', [...inReadOnly, 'npm', 'start'], {
        cwd: path,
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
  });

  it('npm start says in one line why it cannot build others', async () => {
    copy = copyOfProject();
    const { path } = copy;
    appendFileSync(join(path, 'src/main.ts'), '// changed\n');
    const { code, stderr } = await run(path, 'unshare', ...inReadOnly, 'npm', 'start');
    expect(code).toBe(1);
    expect(stderr).toBe(
      `build: ${join(path, 'dist')} is older than the sources, and it cannot be written (EROFS)\n`,
    );
  });
});
