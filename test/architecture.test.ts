import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { codeOf } from '../bench/sources.js';

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
      return { path: relative(root, file), text, code: codeOf(text), imports };
    });
}

/** The room a file stands in: `src/lane` (with its sub-folders), or the file itself where it stands in `src`. */
function room(path: string): string {
  return /^src\/[^/]+(?=\/)/.exec(path)?.[0] ?? (path.startsWith('workers/') ? 'workers' : path);
}

const entries = ['src/main.ts', 'src/index.ts'];

/** Directly in `src`, but for the entries, and the metrics' families: what everybody may use. */
const shared = files
  .map(({ path }) => path)
  .filter((path) => /^src\/(metrics\/)?[^/]+$/.test(path) && !entries.includes(path));

/** Who may import whom, beside the files that all share: main → cli → primary | server → jobs → lane → thread → tasks. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  'src/main.ts': ['src/cli', 'src/primary', 'src/server'],
  'src/index.ts': ['src/library'],
  'src/library': ['src/library', 'src/server', 'src/http', 'src/jobs', 'src/lane', 'src/tasks'],
  'src/cli': ['src/cli', 'src/primary', 'src/jobs', 'src/lane', 'src/tasks'],
  'src/primary': ['src/primary', 'src/http', 'src/jobs'],
  'src/server': ['src/server', 'src/http', 'src/jobs', 'src/lane', 'src/tasks'],
  'src/jobs': ['src/jobs', 'src/lane', 'src/tasks'],
  'src/http': ['src/http'],
  'src/lane': ['src/lane', 'src/thread', 'src/tasks'],
  'src/thread': ['src/thread', 'src/tasks'],
  'src/tasks': ['src/tasks'],
  workers: ['workers'],
};

/** The lane's seam: what may be imported into it from outside. */
const seam = ['src/lane/lane.ts', 'src/lane/call.ts'];

const ours = (target: string): boolean => target.startsWith('src/') || target.startsWith('workers/');

describe('imports', () => {
  it('point one way, and the primary and the server processes never import each other', () => {
    const wrong = files.flatMap(({ path, imports }) =>
      imports
        .filter(ours)
        .filter((target) => !shared.includes(target))
        .filter((target) => !(allowed[room(path)] ?? []).includes(room(target)))
        .map((target) => `${path} → ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('go into the lane through lane.ts and call.ts alone', () => {
    const wrong = files
      .filter(({ path }) => room(path) !== 'src/lane')
      .flatMap(({ path, imports }) =>
        imports
          .filter((target) => room(target) === 'src/lane' && !seam.includes(target))
          .map((target) => `${path} → ${target}`),
      );
    expect(wrong).toEqual([]);
  });

  it('make no circle, not even by a type', () => {
    expect(circles()).toEqual([]);
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
    expect(importers).toEqual(['src/lane/pool/thread-workers.ts']);
  });
});

describe('the source', () => {
  it('has no await at the top of what a thread loads: V8 ends the process where such a thread is ended meanwhile', () => {
    const awaiting = files.filter(({ code }) => /^(?!.*\basync\b)\S.*\bawait\b|^await\b/m.test(code));
    // What threads have to say is written by their process.
    expect(awaiting.map(({ path }) => path)).toEqual(['src/log.ts']);
  });

  it('reads the environment in main.ts only, and hands it on to the primary that a program starts', () => {
    const readers = files.filter(({ code }) => /process\.env\b/.test(code)).map(({ path }) => path);
    expect(readers.sort()).toEqual(['src/library/serve.ts', 'src/main.ts']);
  });

  it('asks in one file where it lies, since modules of all folders become one', () => {
    const places = files.filter(({ code }) => /fileURLToPath\(\s*new URL\([^)]*import\.meta/.test(code));
    expect(places.map(({ path }) => path)).toEqual(['src/package-files.ts']);
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

/** Each circle of imports once, as the path that closes it. */
function circles(): string[] {
  const importsOf = new Map(files.map(({ path, imports }) => [path, imports.filter(ours)]));
  const done = new Set<string>();
  const found: string[] = [];
  const walk = (path: string, above: readonly string[]): void => {
    if (above.includes(path)) found.push([...above.slice(above.indexOf(path)), path].join(' → '));
    if (done.has(path)) return;
    done.add(path);
    for (const target of importsOf.get(path) ?? []) walk(target, [...above, path]);
  };
  for (const { path } of files) walk(path, []);
  return found;
}
