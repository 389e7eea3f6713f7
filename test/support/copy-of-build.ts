// A copy of the build that a test may change while a server runs from it.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface CopyOfBuild {
  readonly entry: string;
  /** @param file a module's path in dist: it is changed, and so is each bundle that it has become a part of */
  edit(file: string, change: (text: string) => string): void;
  [Symbol.dispose](): void;
}

/** What a build has written, and not the folders that other tests have in dist just now. */
export function copyDist(to: string): void {
  for (const part of ['src', 'workers', '.built-from', '.tsbuildinfo'])
    cpSync(join(root, 'dist', part), join(to, part), { recursive: true });
}

/** Inside the package, so that its dependencies are found. */
export function copyOfBuild(): CopyOfBuild {
  const parent = join(root, 'node_modules/.cache/millrace');
  mkdirSync(parent, { recursive: true });
  const path = mkdtempSync(join(parent, 'build-'));
  copyDist(join(path, 'dist'));
  cpSync(join(root, 'package.json'), join(path, 'package.json'));
  return {
    entry: join(path, 'dist/src/main.js'),
    edit(file, change) {
      for (const one of [file, ...bundlesOf(join(path, 'dist/src'), file)]) {
        const place = join(path, 'dist', one);
        writeFileSync(place, change(readFileSync(place, 'utf8')));
      }
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** The bundles in this folder that a module is a part of, as their maps say. */
function bundlesOf(folder: string, file: string): string[] {
  const source = `../../${file.replace(/js$/, 'ts')}`;
  return readdirSync(folder)
    .filter((name) => /^bundle-.*\.map$/.test(name))
    .filter((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')).sources.includes(source))
    .map((name) => `src/${name.replace(/\.map$/, '')}`);
}
