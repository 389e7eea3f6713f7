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
/** Pieces that bundles share. */
const chunkPrefix = 'bundle-';
/** Says what dist was built from, and then, line by line, what was written of that which runs. */
const stampFile = join(dist, '.built-from');

// Nothing to build from: an image that has the build alone.
if (!folders.includes('src')) process.exit(0);
const stamp = fingerprint();
const [before, ...writtenBefore] = recordBefore();
if (before === stamp && !isIncomplete()) process.exit(0);

const tsc = compiler();
const hindrance = tsc === undefined ? 'typescript is not installed, as --omit=dev leaves it out' : locked();
if (tsc === undefined || hindrance !== undefined) {
  const isUnknown = tsc === undefined && before === undefined && existsSync(join(dist, 'src/main.js'));
  // What `npm ci --omit=dev` leaves may be completed by a build from elsewhere.
  if (isUnknown || process.env.npm_lifecycle_event === 'prepare') process.exit(0);
  const why = before === undefined ? `there is no build in ${dist}` : `${dist} is older than the sources`;
  console.error(`build: ${why}, and ${hindrance}`);
  process.exit(1);
}

rmSync(stampFile, { force: true });
const { rolldown } = await import('rolldown').catch(() => ({}));
// What tsc believes it has written it does not write again; what was a bundle is to be a module again.
if (isIncomplete() || rolldown === undefined) rmSync(join(dist, '.tsbuildinfo'), { force: true });
const { status } = spawnSync(process.execPath, [tsc, '-p', join(root, 'tsconfig.json')], {
  stdio: 'inherit',
});
if (status !== 0) process.exit(status ?? 1);

for (const folder of ['src', 'workers'].filter((name) => existsSync(join(dist, name)))) {
  for (const entry of readdirSync(join(dist, folder), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.startsWith(chunkPrefix)) continue;
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
await bundle();
writeFileSync(stampFile, [stamp, ...filesIn(dist).filter(runs)].join('\n'));

/**
 * What a process or a thread loads of ours, as a few files instead of some 150, or thirty: each module costs its loader
 * time and memory (Node 20: 60 ms of CPU and 2 MiB a process, 20 ms of CPU and 2 MiB a thread). Packages stay what they are.
 * Without the bundler, or where a file is missing, the single modules do as well.
 */
async function bundle() {
  if (rolldown === undefined) return;
  // A thread's files are whole in themselves, since what it imports is pinned.
  for (const name of ['thread-boot', 'thread-entry'])
    await write('thread', [name], /^\.\/(?:thread-entry|pinned-hooks)\.js$|^\.\.\/tracing\.js$/);
  // Together, so that who imports the package has the very classes that the server throws.
  await write('.', ['main', 'index', 'library/testing', 'cli/check-files']);
}

/**
 * @param {string} folder in src @param {string[]} names of modules in it
 * @param {RegExp} [apart] what is loaded later, or not at all, and by its own name
 */
async function write(folder, names, apart) {
  const input = Object.fromEntries(names.map((name) => [name, join(root, 'src', folder, `${name}.ts`)]));
  if (!Object.values(input).every((file) => existsSync(file))) return;
  const made = await rolldown({
    input,
    platform: 'node',
    external: (id) => apart?.test(id) || !/^[./]/.test(id),
    resolve: { extensionAlias: { '.js': ['.ts'] } },
    // As in the single modules: constants keep their names, and no statement goes. The bundler takes a call for pure whose
    // error is what it is made for (`decodeURIComponent(path)` in a `try`).
    optimization: { inlineConst: false },
    treeshake: false,
  });
  const { output } = await made.write({
    dir: join(dist, 'src', folder),
    entryFileNames: '[name].js',
    // Next to package-files.js, which asks where it lies. No hash: what runs finds the same names after a deploy.
    chunkFileNames: `${chunkPrefix}[name].js`,
    format: 'es',
    sourcemap: true,
    minify: false,
    minifyInternalExports: false,
  });
  await made.close();
  // Only now: who runs the build that was there before may yet ask for what it had.
  const written = new Set(output.map(({ fileName }) => fileName));
  const into = join(dist, 'src', folder);
  for (const name of readdirSync(into))
    if (name.startsWith(chunkPrefix) && !written.has(name) && !written.has(name.replace(/\.map$/, '')))
      rmSync(join(into, name));
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
  return [...outputs, ...writtenBefore].some((output) => !existsSync(join(dist, output)));
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

function recordBefore() {
  try {
    return readFileSync(stampFile, 'utf8').split('\n');
  } catch {
    return [];
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

function sources() {
  return filesIn(root);
}

/** Those of src and workers there, by their paths from it. @param {string} from */
function filesIn(from) {
  return folders
    .filter((folder) => existsSync(join(from, folder)))
    .flatMap((folder) => readdirSync(join(from, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(from, join(parentPath, name)))
    .sort();
}

/** Not a map or a declaration, which a server does without. @param {string} file */
function runs(file) {
  return !/\.map$|\.d\.[cm]?ts$/.test(file);
}
