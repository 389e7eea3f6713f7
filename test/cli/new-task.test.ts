import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { millrace } from '../support/command.js';
import { startTestServer } from '../support/server.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

// Inside the project, so that the files find zod in the ordinary way.
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(root, 'dist/new-task-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('millrace new-task', () => {
  it('writes a task that serves as it is', async () => {
    const { code, stdout } = await millrace(['new-task', 'words.count', '--tasks', folder]);
    expect(code).toBe(0);
    expect(stdout).toContain('POST /words/count');
    expect(stdout).toContain(`-d '{"text":"to be or not to be"}' http://127.0.0.1:3000/words/count`);
    expect(await readdir(folder)).toEqual(['words.count.js']);

    const server = await startTestServer({ TASKS_DIR: folder });
    try {
      const res = await fetch(`${server.url}/words/count?text=to+be+or+not+to+be`);
      expect(await res.json()).toEqual({ words: 6 });
    } finally {
      await server.close('stop', 10_000);
    }
  });

  it('never writes over a task', async () => {
    const before = await readFile(join(folder, 'words.count.js'), 'utf8');
    for (const name of ['words.count', 'hash']) {
      const { code, stderr } = await millrace(['new-task', name, '--tasks', folder]);
      expect(code).toBe(1);
      expect(stderr).toContain(`the task ${name} is already there`);
    }
    expect(await readFile(join(folder, 'words.count.js'), 'utf8')).toBe(before);
  });

  it.each(['../evil', 'a b', 'io.x', '_x', 'docs', ''])('does not take %j for a name', async (name) => {
    const { code, stderr } = await millrace(['new-task', name, '--tasks', folder]);
    expect(code).toBe(78);
    expect(stderr).toMatch(/named by|reserved/);
  });

  it('says what a folder without zod needs', async () => {
    const bare = await mkdtemp(join(tmpdir(), 'millrace-'));
    try {
      await writeFile(join(bare, 'package.json'), '{"type":"commonjs"}');
      const { stdout } = await millrace(['new-task', 'a'], { env: { TASKS_DIR: bare } });
      expect(stdout).toContain('npm install zod');
      // Node would take a .js file of this folder for CommonJS.
      expect(await readdir(bare)).toContain('a.mjs');
    } finally {
      await rm(bare, { recursive: true });
    }
  });

  it('writes TypeScript that compiles into ./workers of a checkout', async () => {
    const checkout = join(folder, 'checkout');
    await mkdir(join(checkout, 'workers'), { recursive: true });
    await symlink(join(root, 'src'), join(checkout, 'src'));
    await writeFile(join(checkout, 'package.json'), '{"name":"millrace","type":"module"}');
    expect(await millrace(['new-task', 'squares'], { cwd: checkout })).toMatchObject({ code: 0 });
    expect(await readdir(join(checkout, 'workers'))).toEqual(['squares.ts']);
    await writeFile(
      join(checkout, 'tsconfig.json'),
      JSON.stringify({
        extends: join(root, 'tsconfig.json'),
        compilerOptions: {
          noEmit: true,
          incremental: false,
          tsBuildInfoFile: null,
          rootDir: '/',
          typeRoots: [join(root, 'node_modules/@types')],
        },
        include: ['workers'],
        exclude: [],
      }),
    );
    const tsc = join(createRequire(import.meta.url).resolve('typescript/package.json'), '../bin/tsc');
    await promisify(execFile)(process.execPath, [tsc, '-p', checkout]);
  });

  it('writes into ./tasks of a project of one’s own, TypeScript where it has a tsconfig.json', async () => {
    const project = join(folder, 'project');
    await mkdir(project);
    await writeFile(join(project, 'package.json'), '{"type":"module"}');
    const { code, stdout } = await millrace(['new-task', 'squares'], { cwd: project });
    expect(code).toBe(0);
    expect(stdout).toContain('or npx millrace --tasks tasks; then:');
    await writeFile(join(project, 'tsconfig.json'), '{}');
    expect(await millrace(['new-task', 'cubes'], { cwd: project })).toMatchObject({ code: 0 });
    expect(await readdir(join(project, 'tasks'))).toEqual(['cubes.ts', 'squares.js']);
    expect(await readFile(join(project, 'tasks/cubes.ts'), 'utf8')).toContain("from 'millrace'");
  });
});
