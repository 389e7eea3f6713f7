import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasRoute, loadTasks, TaskFileError } from '#src/tasks/registry.js';

// Inside the project, so that the files find zod in the ordinary way.
let root: string;
beforeAll(async () => {
  root = await mkdtemp(fileURLToPath(new URL('../../dist/tasks-', import.meta.url)));
});
afterAll(() => rm(root, { recursive: true }));

let folders = 0;
async function folderOf(files: Record<string, string>): Promise<string> {
  const folder = join(root, String(folders++));
  const { mkdir } = await import('node:fs/promises');
  await mkdir(folder);
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

const good = `import { z } from 'zod';
export default { input: z.strictObject({ n: z.int() }), examples: [{ n: 1 }], run: ({ n }) => ({ n }) };`;

describe('task files', () => {
  it('become routes by their names, in order', async () => {
    const folder = await folderOf({
      'thumbnail.js': good,
      'hash.verify.mjs': good,
      '_shared.js': 'throw 1',
      'notes.md': '',
      'types.d.ts': '',
    });
    expect((await loadTasks([folder])).map(({ name, route }) => [name, route])).toEqual([
      ['hash.verify', '/hash/verify'],
      ['thumbnail', '/thumbnail'],
    ]);
  });

  it('may have no route, and then nothing that belongs to one', async () => {
    const fields = 'input: z.strictObject({}), route: false, run: () => 1';
    const source = (more = ''): string => `import { z } from 'zod';\nexport default { ${fields}${more} };`;
    const [task] = await loadTasks([await folderOf({ 'a.js': source() })]);
    expect(task && hasRoute(task)).toBe(false);
    const refused = loadTasks([await folderOf({ 'a.js': source(', query: true') })]);
    await expect(refused).rejects.toThrow('query needs a route, and route is false');
    const named = source().replace('route: false', "route: '/b'");
    await expect(loadTasks([await folderOf({ 'a.js': named })])).rejects.toThrow('route: must be false');
  });

  it('may use defineTask by the package name', async () => {
    const folder = await folderOf({
      'a.js': `import { defineTask } from 'millrace'; import { z } from 'zod';
        export default defineTask({ input: z.strictObject({}), run: () => 1 });`,
    });
    expect(await loadTasks([folder])).toHaveLength(1);
  });

  it.each([
    [
      'that throws at import',
      'a.js',
      'throw new Error("no luck\\nsecond line")',
      'cannot be imported: no luck',
    ],
    [
      'with a syntax error',
      'a.js',
      'const a = 1;\nexport default {\n  run() { return 1 +; },\n};',
      "cannot be imported: Unexpected token ';' (line 3, column 21)",
    ],
    [
      'with a syntax error in CommonJS',
      'a.cjs',
      'module.exports = {\n  run() { return 1 +; },\n};',
      "cannot be imported: Unexpected token ';' (line 2, column 21)",
    ],
    [
      'with a bracket that is not closed',
      'a.js',
      'export default {\n  run() {\n    return 1;\n',
      'cannot be imported: Unexpected end of input (line 4, the end)',
    ],
    [
      'with a bracket that is not closed in CommonJS',
      'a.cjs',
      'module.exports = {\n  run() {',
      'cannot be imported: Unexpected end of input (line 2, the end)',
    ],
    [
      'that import what is not there',
      'a.js',
      "import { z } from 'zod';\nimport { nothing } from 'node:fs';",
      "does not provide an export named 'nothing' (line 2, column 10)",
    ],
    [
      'that are helpers',
      'a.js',
      'export function help() {}',
      'has no default export made by defineTask (a helper beside tasks: begin its name with _, or put it into a sub-folder)',
    ],
    ['that are helpers with a default', 'a.js', 'export default { help() {} };', '(a helper beside tasks: '],
    ['without a default export', 'a.js', 'export const run = 1', 'has no default export'],
    [
      'whose schema is from zod 3',
      'a.js',
      'export default { input: { _def: {}, safeParse() {} }, run() {} }',
      'zod 3',
    ],
    ['without run', 'a.js', good.replace('run:', 'runs:'), 'run'],
    ['with a misspelt field', 'a.js', good.replace('examples', 'exmaples'), 'exmaples'],
    ['whose example does not fit', 'a.js', good.replace('{ n: 1 }', '{ n: 1.5 }'), 'examples.0 does not fit'],
    [
      'whose query is a zod 3 schema',
      'a.js',
      good.replace('run:', 'query: { _def: {} }, run:'),
      'query: must be true, false or a zod 4 schema (query is a zod 3 schema)',
    ],
    [
      'whose output is no schema',
      'a.js',
      good.replace('run:', 'output: [1], run:'),
      'output: must be a zod 4 schema, { contentType }, or a list of these',
    ],
    [
      'whose content type is none',
      'a.js',
      good.replace('run:', 'output: { contentType: "image/png\\n" }, run:'),
      'output.contentType: must be a media type',
    ],
    ['with a reserved name', 'io.delay.js', good, 'reserved'],
    ['with a name that is no route', 'a b.js', good, 'named by letters'],
    [
      'with a path parameter without a GET form',
      'a.js',
      good.replace('run:', 'pathParam: "n", run:'),
      'pathParam needs query',
    ],
    [
      'whose path parameter is no field',
      'a.js',
      good.replace('run:', 'query: true, pathParam: "m", run:'),
      'pathParam: the input has no field "m"',
    ],
    [
      'whose path parameter no route can have',
      'a.js',
      good.replace('run:', 'query: true, pathParam: "n-1", run:'),
      'pathParam: must be a name',
    ],
    ['that throw what has no text', 'a.js', 'throw { __proto__: null };', 'cannot be imported: Error'],
    [
      'that throw what cannot be read',
      'a.js',
      'throw { get message() { throw 1; } };',
      'cannot be imported: what was thrown cannot be read',
    ],
    [
      'with a getter that throws',
      'a.js',
      good.replace('run:', 'get summary() { throw new Error("no luck"); }, run:'),
      'its definition cannot be read: no luck',
    ],
    [
      'whose schema throws on an example',
      'a.js',
      good.replace('z.int()', 'z.int().refine(() => { throw new Error("no luck"); })'),
      'examples.0 makes the task throw (schemas must be synchronous): no luck',
    ],
    [
      'whose schema is asynchronous',
      'a.js',
      good.replace('z.int()', 'z.int().refine(async () => true)'),
      '(schemas must be synchronous)',
    ],
    [
      'whose GET form throws on an example',
      'a.js',
      good.replace('run:', 'query: z.object({ n: z.int().refine(async () => true) }), run:'),
      '(schemas must be synchronous)',
    ],
    [
      'whose kind throws on an example',
      'a.js',
      good.replace('run:', 'kind: () => { throw new Error("no luck"); }, run:'),
      'examples.0 makes the task throw (schemas must be synchronous): no luck',
    ],
    [
      'whose example is no JSON',
      'a.js',
      good.replace('z.int()', 'z.bigint()').replace('n: 1 }', 'n: 1n }'),
      'examples.0 makes the task throw',
    ],
  ])('%s are refused with the file named, in one line', async (_, name, text, reason) => {
    const folder = await folderOf({ [name]: text });
    const error = await loadTasks([folder]).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TaskFileError);
    expect(String(error)).toContain(join(folder, name));
    expect(String(error)).toContain(reason);
    expect(String(error)).not.toContain('\n');
  });

  it('may be CommonJS modules', async () => {
    const folder = await folderOf({
      'a.cjs': `const { z } = require('zod');
        module.exports = { input: z.strictObject({}), run: () => 1 };`,
      'b.d.cts': '',
    });
    expect((await loadTasks([folder])).map(({ route }) => route)).toEqual(['/a']);
  });

  it('may be CommonJS as compilers write it', async () => {
    const folder = await folderOf({
      'a.cjs': `"use strict"; Object.defineProperty(exports, "__esModule", { value: true });
        const { z } = require('zod'); exports.default = { summary: 'compiled', input: z.strictObject({}), run: () => 1 };`,
    });
    const [task] = await loadTasks([folder]);
    expect(task?.definition.summary).toBe('compiled');
  });

  it('tell where a syntax error is in what they import', async () => {
    const folder = await folderOf({
      'a.js': `import './_one.js'; ${good}`,
      '_one.js': "export * from './_two.js';",
      '_two.js': '\n\n  a b;',
    });
    await expect(loadTasks([folder])).rejects.toThrow(
      `a.js: cannot be imported: Unexpected identifier 'b' (${join(folder, '_two.js')}, line 3, column 5)`,
    );
  });

  it('that Node takes for CommonJS are refused with what to do', async () => {
    const folder = await folderOf({ 'a.js': good, 'package.json': '{"type":"commonjs"}' });
    await expect(loadTasks([folder])).rejects.toThrow(
      /a\.js: cannot be imported: .* \(name it \.mjs, or put /,
    );
  });

  it('of the same name in two folders are refused', async () => {
    const folders = [await folderOf({ 'a.js': good }), await folderOf({ 'a.mjs': good })];
    await expect(loadTasks(folders)).rejects.toThrow('already there');
  });

  it('behind another task’s path parameter are refused', async () => {
    const folder = await folderOf({
      'a.js': good.replace('run:', 'query: true, pathParam: "n", run:'),
      'a.b.js': good,
    });
    await expect(loadTasks([folder])).rejects.toThrow('/a/b belongs to a/:n');
  });

  it('in a folder that is not there are refused', async () => {
    await expect(loadTasks([join(root, 'nowhere')])).rejects.toThrow(
      /^TASKS_DIR must be a folder that can be read, not ".*nowhere" \(ENOENT\)$/,
    );
  });
});

describe('runFrom', () => {
  const work = 'export default () => 1;\nexport const setup = () => 2;\n';
  const task = (fields: string) => `import { z } from 'zod';
import work, { setup } from './_work.js';
const input = z.strictObject({});
export default { input, ${fields} };
`;

  it.each([
    ["run: work, runFrom: './_work.js'", /runFrom: must be a URL/],
    [
      'run: () => 1, setup, runFrom: new URL("./_work.js", import.meta.url)',
      /whose default export is the task's run/,
    ],
    [
      'run: work, runFrom: new URL("./_work.js", import.meta.url)',
      /whose export `setup` is the task's setup/,
    ],
    ['run: work, setup, runFrom: new URL("./_none.js", import.meta.url)', /runFrom cannot be imported/],
    ['run: work, setup, runFrom: new URL("https://example.org/")', /runFrom must be the URL of a file/],
  ])('is refused where threads would run something else: %s', async (fields, reason) => {
    await expect(loadTasks([await folderOf({ 'a.js': task(fields), '_work.js': work })])).rejects.toThrow(
      reason,
    );
  });

  it('is taken where it is the file that run and setup come from', async () => {
    const fields = 'run: work, setup, runFrom: new URL("./_work.js", import.meta.url)';
    expect(await loadTasks([await folderOf({ 'a.js': task(fields), '_work.js': work })])).toHaveLength(1);
  });
});
