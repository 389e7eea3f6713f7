// Releases beside each other and a link `current` to one of them, as deploy tools lay them out.
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { copyDist } from './copy-of-build.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface Releases {
  readonly path: string;
  readonly current: string;
  /** Where a release lies. */
  folder(release: string): string;
  /** A release with a task `release` that answers its name, in `tasks` beside the build, and that version; and an app. */
  add(release: string): void;
  /** Turns the link, in one step. */
  use(release: string): void;
  remove(release: string): void;
  [Symbol.dispose](): void;
}

/** Inside the package, so that its dependencies are found. */
export function releases(): Releases {
  const parent = join(root, 'node_modules/.cache/millrace');
  mkdirSync(parent, { recursive: true });
  const path = mkdtempSync(join(parent, 'releases-'));
  const current = join(path, 'current');
  const folder = (release: string) => join(path, 'releases', release);
  return {
    path,
    current,
    folder,
    add(release) {
      mkdirSync(join(folder(release), 'tasks'), { recursive: true });
      copyDist(join(folder(release), 'dist'));
      const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
      delete manifest.scripts.prestart;
      writeFileSync(
        join(folder(release), 'package.json'),
        JSON.stringify({ ...manifest, version: `${release}.0.0` }),
      );
      mkdirSync(join(folder(release), 'app'));
      writeFileSync(join(folder(release), 'app/package.json'), JSON.stringify({ version: `${release}.1.0` }));
      writeFileSync(
        join(folder(release), 'app/app.mjs'),
        `import { defineApp } from '../dist/src/index.js';\nexport default defineApp(() => {});\n`,
      );
      writeFileSync(
        join(folder(release), 'tasks/release.mjs'),
        `import { z } from 'zod';
export default { input: z.strictObject({}), query: true, run: () => ({ release: '${release}' }) };
`,
      );
    },
    use(release) {
      symlinkSync(join('releases', release), `${current}.new`);
      renameSync(`${current}.new`, current);
    },
    remove: (release) => rmSync(folder(release), { recursive: true }),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
