// A copy of the build that a test may change while a server runs from it.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface CopyOfBuild {
  readonly entry: string;
  /** @param file its path in dist */
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
      const place = join(path, 'dist', file);
      writeFileSync(place, change(readFileSync(place, 'utf8')));
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
