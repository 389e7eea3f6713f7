// A copy of what building and serving needs, for tests that change sources.
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { copyDist } from './copy-of-build.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const usual = ['dev.js', 'build.js', 'package.json', 'tsconfig.json', 'src', 'workers', 'dist'];

export interface CopyOfProject {
  readonly path: string;
  [Symbol.dispose](): void;
}

/** Inside the package, so that its dependencies are found; or in another folder. */
export function copyOfProject({
  parent = join(root, 'node_modules/.cache/millrace'),
  parts = usual,
}: {
  parent?: string;
  parts?: readonly string[];
} = {}): CopyOfProject {
  mkdirSync(parent, { recursive: true });
  const path = mkdtempSync(join(parent, 'project-'));
  for (const part of parts) {
    if (part === 'dist') copyDist(join(path, part));
    else cpSync(join(root, part), join(path, part), { recursive: true });
  }
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
