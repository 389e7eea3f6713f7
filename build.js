// Compiles src/ and workers/ into dist/, removes what dist/ holds of sources that are gone, so that a deleted task
// file is not served any more, and copies the dashboard's files, which run in browsers, as they are. Prints nothing
// when all is well.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('.', import.meta.url));
const tsc = join(createRequire(import.meta.url).resolve('typescript/package.json'), '../bin/tsc');

if (!existsSync(join(root, 'dist/src/main.js'))) rmSync(join(root, 'dist'), { recursive: true, force: true });
const { status } = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.json')], {
  stdio: 'inherit',
});
if (status !== 0) process.exit(status ?? 1);

for (const folder of ['src', 'workers'].filter((name) => existsSync(join(root, 'dist', name)))) {
  for (const entry of readdirSync(join(root, 'dist', folder), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const built = join(entry.parentPath, entry.name);
    const original = join(root, built.slice(join(root, 'dist').length));
    const source = original.replace(/\.(d\.ts|js\.map|js)$/, '');
    if (![original, `${source}.ts`, `${source}.js`].some((file) => existsSync(file))) rmSync(built);
  }
}

const page = 'src/primary/admin/page';
cpSync(join(root, page), join(root, 'dist', page), { recursive: true });
