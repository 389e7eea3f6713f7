// Compiles src/ and workers/ into dist/, removes what dist/ holds of sources that are gone, so that a deleted task
// file is not served any more, and copies the files of pages, which run in browsers, as they are. Does nothing where
// dist/ is of these very sources, so a disk that cannot be written or a place without the compiler is no hindrance then.
// Prints nothing when all is well.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  accessSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('.', import.meta.url));
const dist = join(root, 'dist');
const folders = ['src', 'workers'].filter((folder) => existsSync(join(root, folder)));
/** Says what dist was built from. */
const stampFile = join(dist, '.built-from');

// Nothing to build from: an image that has the build alone.
if (!folders.includes('src')) process.exit(0);
const stamp = fingerprint();
const before = stampBefore();
if (before === stamp && !isIncomplete()) process.exit(0);

const tsc = compiler();
const hindrance = tsc === undefined ? 'typescript is not installed, as --omit=dev leaves it out' : locked();
if (tsc === undefined || hindrance !== undefined) {
  const isUnknown = tsc === undefined && before === undefined && existsSync(join(dist, 'src/main.js'));
  // What `npm ci --omit=dev` leaves may be completed by a build from elsewhere.
  if (isUnknown || process.env.npm_lifecycle_event === 'prepare') process.exit(0);
  const why = before === undefined ? 'there is no build of them in' : 'they have changed since that in';
  console.error(`build: the sources must be built, for ${why} ${dist}; but ${hindrance}`);
  process.exit(1);
}

rmSync(stampFile, { force: true });
// What tsc believes it has written it does not write again.
if (isIncomplete()) rmSync(join(dist, '.tsbuildinfo'), { force: true });
const { status } = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.json')], {
  stdio: 'inherit',
});
if (status !== 0) process.exit(status ?? 1);

for (const folder of ['src', 'workers'].filter((name) => existsSync(join(dist, name)))) {
  for (const entry of readdirSync(join(dist, folder), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const built = join(entry.parentPath, entry.name);
    const original = join(root, relative(dist, built));
    const source = original.replace(/(?:\.d)?\.([cm]?)[jt]s(?:\.map)?$/, '.$1');
    if (![original, `${source}ts`, `${source}js`].some((file) => existsSync(file))) rmSync(built);
  }
}

const pages = ['src/primary/admin/page', 'src/server/openapi/page'];
for (const page of pages.filter((folder) => existsSync(join(root, folder))))
  cpSync(join(root, page), join(dist, page), { recursive: true });
copySwaggerUi();
await bundleThreads();
writeFileSync(stampFile, stamp);

/**
 * What each thread loads of ours, as two files instead of some thirty: 2 MiB and 20 ms of CPU less a thread (Node 20),
 * for each module costs its loader both. Without the bundler, or where a file is missing, the thirty do as well.
 */
async function bundleThreads() {
  const entries = ['thread-boot', 'thread-entry'].map((name) => join('src/thread', name));
  if (!entries.every((entry) => existsSync(join(root, `${entry}.ts`)))) return;
  const { rolldown } = await import('rolldown').catch(() => ({}));
  if (rolldown === undefined) return;
  for (const entry of entries) {
    const bundle = await rolldown({
      input: join(root, `${entry}.ts`),
      platform: 'node',
      // What is loaded later, or not at all, and by its own name.
      external: (id) =>
        /^\.\/(?:thread-entry|pinned-hooks)\.js$|^\.\.\/tracing\.js$/.test(id) || !/^[./]/.test(id),
      resolve: { extensionAlias: { '.js': ['.ts'] } },
    });
    await bundle.write({ file: join(dist, `${entry}.js`), format: 'es', sourcemap: true, minify: false });
    await bundle.close();
  }
}

/**
 * What /docs serves of Swagger UI, with its licence. Copied, so that who installs millrace gets 2 MB and not 12, and no
 * install script of another package.
 */
function copySwaggerUi() {
  const page = join(dist, 'src/server/openapi/swagger-ui');
  const manifest = swaggerUi();
  if (!existsSync(join(root, 'src/server/openapi')) || manifest === undefined) return;
  for (const name of [
    'package.json',
    'LICENSE',
    'NOTICE',
    'swagger-ui.css',
    'swagger-ui-bundle.js',
    'swagger-ui-bundle.js.LICENSE.txt',
    'favicon-32x32.png',
  ])
    cpSync(join(manifest, '..', name), join(page, name));
}

function swaggerUi() {
  try {
    return createRequire(import.meta.url).resolve('swagger-ui-dist/package.json');
  } catch {
    return undefined;
  }
}

function isIncomplete() {
  const outputs = sources()
    .filter((name) => /(?<!\.d)\.[cm]?[jt]s$/.test(name))
    .map((name) => name.replace(/ts$/, 'js'));
  return outputs.some((output) => !existsSync(join(dist, output)));
}

/** Of all that a build is made from, by content: times say nothing after a clone or a copy. */
function fingerprint() {
  const hash = createHash('sha256');
  for (const file of ['build.js', 'tsconfig.json', ...sources()])
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update('\0');
  const page = swaggerUi();
  if (page !== undefined) hash.update(readFileSync(page));
  return hash.digest('hex');
}

function stampBefore() {
  try {
    return readFileSync(stampFile, 'utf8');
  } catch {
    return undefined;
  }
}

function compiler() {
  try {
    return join(createRequire(import.meta.url).resolve('typescript/package.json'), '../bin/tsc');
  } catch {
    return undefined;
  }
}

/** Why dist cannot be written, if it cannot. */
function locked() {
  try {
    mkdirSync(dist, { recursive: true });
    accessSync(dist, constants.W_OK);
    return undefined;
  } catch (error) {
    return `it cannot be written (${error.code})`;
  }
}

/** Files by their paths from the root. */
function sources() {
  return folders
    .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(root, join(parentPath, name)))
    .sort();
}
