// Compiles src/ and workers/ into dist/, removes what dist/ holds of sources that are gone, so that a deleted task
// file is not served any more, and copies the files of pages, which run in browsers, as they are. Prints nothing
// when all is well.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('.', import.meta.url));
const tsc = join(createRequire(import.meta.url).resolve('typescript/package.json'), '../bin/tsc');

// What tsc believes it has written it does not write again.
if (sources().some((source) => !existsSync(join(root, 'dist', source.replace(/ts$/, 'js'))))) {
  rmSync(join(root, 'dist/.tsbuildinfo'), { force: true });
}
const { status } = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.json')], {
  stdio: 'inherit',
});
if (status !== 0) process.exit(status ?? 1);

for (const folder of ['src', 'workers'].filter((name) => existsSync(join(root, 'dist', name)))) {
  for (const entry of readdirSync(join(root, 'dist', folder), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const built = join(entry.parentPath, entry.name);
    const original = join(root, built.slice(join(root, 'dist').length));
    const source = original.replace(/(?:\.d)?\.([cm]?)[jt]s(?:\.map)?$/, '.$1');
    if (![original, `${source}ts`, `${source}js`].some((file) => existsSync(file))) rmSync(built);
  }
}

for (const page of ['src/primary/admin/page', 'src/server/openapi/page'])
  cpSync(join(root, page), join(root, 'dist', page), { recursive: true });

/** What has an output of its own, by its path from the root. */
function sources() {
  return ['src', 'workers'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true })
      .filter((name) => /(?<!\.d)\.[cm]?[jt]s$/.test(name))
      .map((name) => join(folder, name)),
  );
}
