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

/** Inside the package, so that its dependencies are found. */
export function copyOfBuild(): CopyOfBuild {
  const parent = join(root, 'node_modules/.cache/millrace');
  mkdirSync(parent, { recursive: true });
  const path = mkdtempSync(join(parent, 'build-'));
  cpSync(join(root, 'dist'), join(path, 'dist'), { recursive: true });
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
