// What others install: the packed tarball in a project of its own, as a stranger's.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { watch } from '../support/cluster.js';
import { millrace } from '../support/command.js';
import { install, isAway, type Packed, pack, plainEnv, type Ran, root, run } from '../support/packed.js';

const fixtures = fileURLToPath(new URL('../fixtures/package', import.meta.url));

let folder: string;
let project: string;
let packed: Packed;
let installed: Ran;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-package-'));
  packed = await pack(folder);
  project = join(folder, 'shop');
  await millrace(['init', project]);
  const manifest = JSON.parse(await readFile(join(project, 'package.json'), 'utf8'));
  manifest.dependencies.millrace = `file:../${packed.filename}`;
  await writeFile(join(project, 'package.json'), JSON.stringify(manifest));
  installed = await install(project, '--omit=dev');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the packed tarball', () => {
  it('holds the build, its documents and nothing of the checkout', () => {
    const paths = packed.files.map(({ path }) => path);
    const stray = paths.filter(
      (path) =>
        !/^(dist\/(src|workers)|docs|deploy)\/|^(package\.json|LICENSE|[A-Z]+\.md)$/.test(path) ||
        /\.test\.|tsbuildinfo|(?<!\.d)\.ts$/.test(path),
    );
    expect(stray).toEqual([]);
    expect(paths).toContain('LICENSE');
    expect(packed.unpackedSize).toBeLessThan(7_000_000);
  });

  it('has maps that carry their sources', async () => {
    const map = JSON.parse(await readFile(join(root, 'dist/src/task.js.map'), 'utf8'));
    expect(map.sourcesContent[0]).toContain('What a task is');
  });

  it('packs each picture and document that the README links to', async () => {
    const readme = await readFile(join(root, 'README.md'), 'utf8');
    const linked = [...readme.matchAll(/\]\(([^)#:]+\.(?:md|svg|png))/g)].map(([, path]) => path);
    expect(linked.length).toBeGreaterThan(3);
    const paths = packed.files.map(({ path }) => path);
    expect(linked.filter((path) => !paths.includes(String(path)))).toEqual([]);
  });
});

describe('a project that installed it', () => {
  function needsRegistry(context: { skip(note: string): void }): void {
    if (isAway(installed)) context.skip('npm reaches no registry');
  }

  it('was installed without a warning', (context) => {
    needsRegistry(context);
    expect(installed).toMatchObject({ code: 0, stderr: '' });
  });

  it('passes its own test', async (context) => {
    needsRegistry(context);
    const ran = await run(project, 'npm', 'test');
    expect(ran.code, ran.stdout + ran.stderr).toBe(0);
    expect(ran.stdout).toContain('pass 2');
  });

  it('is checked, and gets tasks, by the command', async (context) => {
    needsRegistry(context);
    expect(await run(project, 'npx', 'millrace', '--help')).toMatchObject({ code: 0, stderr: '' });
    expect(await run(project, 'npx', 'millrace', 'new-task', 'letters')).toMatchObject({ code: 0 });
    expect(await readdir(join(project, 'tasks'))).toContain('letters.js');
    const checked = await run(project, 'npm', 'run', 'check');
    expect(checked.stdout).toMatch(/POST \/letters[\s\S]*POST \/wordcount/);
  });

  it('serves by npm start, and drains on a signal to npm', async (context) => {
    needsRegistry(context);
    const env = { ...plainEnv(), PORT: '0', ADMIN_PORT: 'off', WORKERS: '1' };
    const server = spawn('npm', ['start'], { cwd: project, env, stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(server, 'exit');
    for await (const line of createInterface(server.stdout)) {
      if (!line.includes('"msg":"listening"')) continue;
      const { url }: { url: string } = JSON.parse(line);
      expect(await (await fetch(`${url}/`)).text()).toBe('hello');
      expect(await (await fetch(`${url}/wordcount?text=to+be`)).json()).toEqual({ words: 2 });
      const page = await (await fetch(`${url}/docs`)).text();
      const bundle = /docs\/[\d.]+\/swagger-ui-bundle\.js/.exec(page)?.[0];
      expect((await fetch(`${url}/${bundle}`)).status).toBe(200);
      server.kill('SIGTERM');
    }
    expect(await ended).toEqual([0, null]);
  });

  it.for(['nodenext', 'bundler'])(
    'compiles strictly, without skipLibCheck, by %s resolution',
    async (kind, context) => {
      needsRegistry(context);
      await cp(fixtures, join(project, 'typed'), { recursive: true });
      const tsc = join(createRequire(import.meta.url).resolve('typescript/package.json'), '../bin/tsc');
      const config = join(project, 'typed', `tsconfig.${kind}.json`);
      const { code, stdout } = await run(project, process.execPath, tsc, '-p', config);
      expect(stdout).toBe('');
      expect(code).toBe(0);
    },
  );

  it('runs the files and commands of the README', async (context) => {
    needsRegistry(context);
    const readme = await readFile(join(root, 'README.md'), 'utf8');
    const files = filesOf(readme);
    expect([...files.keys()]).toEqual(['tasks/wordcount.js', 'app.js', 'test/app.test.js', 'program.js']);
    // The packages are found in the folder above.
    const door = join(project, 'door');
    for (const [path, text] of files) {
      await mkdir(dirname(join(door, path)), { recursive: true });
      await writeFile(join(door, path), text);
    }
    await writeFile(join(door, 'package.json'), '{"type":"module"}');
    // What `new-task` and `init` write.
    expect(files.get('tasks/wordcount.js')).toBe(await readFile(join(project, 'tasks/wordcount.js'), 'utf8'));
    const tested = await run(door, process.execPath, '--test', 'test/app.test.js');
    expect(tested.code, tested.stdout).toBe(0);
    expect(tested.stdout).toContain('pass 1');
    const program = await run(door, process.execPath, 'program.js');
    expect(program).toMatchObject({ code: 0, stdout: '{ words: 6 }\n', stderr: '' });

    const [check = '', serve = '', reload = ''] = commandsBelow(readme, 'Run it, reload it');
    const checked = await run(door, 'sh', '-c', check);
    expect(checked.stdout).toContain('POST /wordcount');
    const env = { ...plainEnv(), PORT: '0', ADMIN_PORT: '0', WORKERS: '1' };
    await using server = watch(
      spawn('sh', ['-c', `exec ${serve}`], { cwd: door, env, stdio: ['ignore', 'pipe', 'pipe'] }),
    );
    const { url, adminUrl, pid } = await server.waitForLine(({ msg }) => msg === 'listening');
    expect(await (await fetch(`${url}/greeting`)).json()).toEqual({ hello: 'world' });
    expect(await (await fetch(`${url}/long?text=to+be`)).json()).toEqual({ long: false });
    const reloaded = await run(door, 'sh', '-c', `${reload.replace(/#.*/, '')} --admin-url ${adminUrl}`);
    expect(reloaded.code, reloaded.stderr).toBe(0);
    process.kill(Number(pid), 'SIGTERM');
    expect(await server.exited).toBe(0);
  });

  it('is a library for CommonJS, too', async (context) => {
    needsRegistry(context);
    const load = 'require' in process.features ? "require('millrace')" : "await import('millrace')";
    const file = join(project, 'program.cjs');
    await writeFile(
      file,
      `(async () => {
        const { createLane } = ${load};
        const lane = await createLane({ tasks: __dirname + '/tasks' });
        console.log(JSON.stringify(await lane.call('wordcount', { text: 'a b' })));
        await lane.close();
      })();`,
    );
    const ran = await run(project, process.execPath, file);
    expect(ran).toMatchObject({ code: 0, stdout: '{"words":2}\n' });
  });
});

/** Files that a document shows: each block of code that begins with its path. */
function filesOf(markdown: string): ReadonlyMap<string, string> {
  const blocks = markdown.matchAll(/^```js\n(\/\/ (\S+)[\s\S]*?)^```$/gm);
  return new Map(
    [...blocks].map(([, text = '', path = '']) => [
      path,
      // The first line of a file that a command writes is its own.
      text.startsWith(`// ${path}\n`) ? text.slice(text.indexOf('\n') + 1) : text,
    ]),
  );
}

/** The commands of the block below a heading. */
function commandsBelow(markdown: string, heading: string): readonly string[] {
  const below = markdown.split(`# ${heading}\n`)[1] ?? '';
  return /^```sh\n([\s\S]*?)^```$/m.exec(below)?.[1]?.trim().split('\n') ?? [];
}
