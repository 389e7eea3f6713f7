import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = join(root, 'src');

interface SourceFile {
  /** Relative to the root: `src/lane/lane.ts`. */
  readonly path: string;
  readonly text: string;
  /** Without its comments. */
  readonly code: string;
  /** The same, for imports of our own; the bare name for packages. */
  readonly imports: readonly string[];
}

const files = [...sourceFiles(source), ...sourceFiles(join(root, 'workers'))];

function sourceFiles(folder: string): SourceFile[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.ts$/.test(name))
    .map((name) => {
      const file = join(folder, name);
      const text = readFileSync(file, 'utf8');
      const imports = [...text.matchAll(/(?:from|import|import\()\s*'([^']+)'/g)].map(([, target = '']) =>
        target.startsWith('.')
          ? relative(root, resolve(dirname(file), target)).replace(/\.js$/, '.ts')
          : target,
      );
      const code = text.replaceAll(/^\s*(\/\/|\/?\*).*$/gm, '');
      return { path: relative(root, file), text, code, imports };
    });
}

/** The room a file stands in: `src/lane`, or the file itself where it stands in `src`. */
function room(path: string): string {
  return /^src\/[^/]+(?=\/)/.exec(path)?.[0] ?? (path.startsWith('workers/') ? 'workers' : path);
}

/** Directly in `src`, but for the entry: what everybody may use. */
const shared = files
  .map(({ path }) => path)
  .filter((path) => /^src\/[^/]+$/.test(path) && path !== 'src/main.ts');

/** Who may import whom, beside the files that all share. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  'src/main.ts': ['src/cli', 'src/primary', 'src/server'],
  'src/cli': ['src/cli', 'src/primary', 'src/lane'],
  'src/primary': ['src/primary', 'src/http'],
  'src/server': ['src/server', 'src/http', 'src/lane'],
  'src/http': ['src/http'],
  'src/lane': ['src/lane'],
  workers: ['workers'],
};

describe('imports', () => {
  it('point one way, and the primary and the server processes never import each other', () => {
    const wrong = files.flatMap(({ path, imports }) =>
      imports
        .filter((target) => target.startsWith('src/') || target.startsWith('workers/'))
        .filter((target) => !shared.includes(target))
        .filter((target) => !(allowed[room(path)] ?? []).includes(room(target)))
        .map((target) => `${path} → ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('of what all share stay among themselves', () => {
    const wrong = files
      .filter(({ path }) => shared.includes(path))
      .flatMap(({ path, imports }) =>
        imports
          .filter((target) => target.startsWith('src/') && !shared.includes(target))
          .map((target) => `${path} → ${target}`),
      );
    expect(wrong).toEqual([]);
  });

  it('of piscina are in one file', () => {
    const importers = files.filter(({ imports }) => imports.includes('piscina')).map(({ path }) => path);
    expect(importers).toEqual(['src/lane/threads.ts']);
  });
});

describe('the source', () => {
  it('reads the environment in main.ts only', () => {
    const readers = files.filter(({ code }) => /process\.env\b/.test(code)).map(({ path }) => path);
    expect(readers).toEqual(['src/main.ts']);
  });

  it('names no task', () => {
    const wrong = files
      .filter(({ path }) => path.startsWith('src/'))
      .filter(({ text }) =>
        /['"`/](hash|compute)(\.verify)?['"`/]/.test(text.replaceAll(/^\s*(\/\/|\*|\/\*\*).*$/gm, '')),
      )
      .map(({ path }) => path);
    expect(wrong).toEqual([]);
  });

  it('opens every file with a comment that says its job', () => {
    const silent = files.filter(({ text }) => !/^(#!.*\n)?\/\//.test(text)).map(({ path }) => path);
    expect(silent).toEqual([]);
  });

  it('leaves the types unharmed: no any, no ignored errors', () => {
    const wrong = files
      .filter(({ code }) => /: any\b|<any>|as any\b|@ts-(ignore|nocheck)/.test(code))
      .map(({ path }) => path);
    expect(wrong).toEqual([]);
  });
});
