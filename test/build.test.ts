import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = 'src/primary/admin/page';

/** A project of the same form with next to nothing in it; inside ours, so that it finds the compiler. */
let project: string;
beforeAll(() => {
  project = mkdtempSync(join(root, 'dist/project-'));
  for (const file of ['build.js', 'package.json', 'tsconfig.json'])
    cpSync(join(root, file), join(project, file));
  mkdirSync(join(project, page), { recursive: true });
  mkdirSync(join(project, 'workers'));
  for (const file of [`${page}/page.js`, 'src/main.ts', 'workers/a.b.ts', 'workers/c.mts', 'workers/d.js']) {
    writeFileSync(join(project, file), 'export const one = 1;\n');
  }
});
afterAll(() => rmSync(project, { recursive: true }));

function write(file: string, text: string): void {
  mkdirSync(dirname(join(project, file)), { recursive: true });
  writeFileSync(join(project, file), text);
}

function build(): void {
  execFileSync(process.execPath, ['build.js'], { cwd: project, stdio: 'inherit' });
}

/** Which of these are in dist. */
function built(...files: string[]): string[] {
  return files.filter((file) => existsSync(join(project, 'dist', file)));
}

describe('a build', () => {
  const outputs = [`${page}/page.js`, 'src/main.js', 'workers/a.b.js', 'workers/c.mjs', 'workers/d.js'];

  it('writes what is not there, whatever it has written before', () => {
    build();
    expect(built(...outputs)).toEqual(outputs);
    for (const lost of ['dist/workers', 'dist']) {
      rmSync(join(project, lost), { recursive: true });
      build();
      expect(built(...outputs)).toEqual(outputs);
    }
  });

  it('makes the bundles again of which a file is missing', () => {
    for (const file of ['src/main.ts', 'src/index.ts', 'src/library/testing.ts', 'src/cli/check-files.ts'])
      write(file, `export { common } from '${file.split('/').length > 2 ? '..' : '.'}/common.js';\n`);
    write('src/common.ts', 'export const common = 1;\n');
    build();
    const main = readFileSync(join(project, 'dist/src/main.js'), 'utf8');
    const bundle = /bundle-[\w-]+\.js/.exec(main)?.[0] ?? 'none';
    expect(built(`src/${bundle}`)).toEqual([`src/${bundle}`]);
    rmSync(join(project, 'dist/src', bundle));
    build();
    expect(built(`src/${bundle}`)).toEqual([`src/${bundle}`]);
    expect(readFileSync(join(project, 'dist/src/main.js'), 'utf8')).toBe(main);
  });

  it('does nothing where it has built these very sources, whatever their times say', () => {
    build();
    const output = join(project, 'dist/workers/a.b.js');
    writeFileSync(output, '// kept\n');
    for (const source of ['src/main.ts', 'workers/a.b.ts']) utimesSync(join(project, source), 0, 0);
    build();
    expect(readFileSync(output, 'utf8')).toBe('// kept\n');
    appendFileSync(join(project, 'workers/a.b.ts'), 'export const two = 2;\n');
    build();
    expect(readFileSync(output, 'utf8')).toContain('two');
  });

  it('removes the outputs of sources that are gone', () => {
    build();
    for (const source of ['a.b.ts', 'c.mts']) rmSync(join(project, 'workers', source));
    build();
    const gone = ['a.b.js', 'a.b.js.map', 'a.b.d.ts', 'c.mjs', 'c.mjs.map', 'c.d.mts'];
    expect(built(...gone.map((file) => `workers/${file}`), 'workers/d.js')).toEqual(['workers/d.js']);
  });
});
