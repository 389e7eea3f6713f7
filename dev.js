// npm run dev: builds and serves, and whenever a source changes builds anew and reloads the server, which serves all the
// while. What the primary itself runs needs a restart. A source that does not compile leaves the running server alone.
// Ctrl-C ends everything. It is no part of what is shipped.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, watch } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('.', import.meta.url));
/** An editor saves in several steps. */
const settleMs = 100;
/** What server processes alone run, and a reload reads anew. */
const reloadable = /^(workers\/|src\/(server|lane|thread|tasks|jobs)\/|src\/(app|task)\.ts$)/;

/** The server's process while it runs. */
let server;
let stopping = false;
let building = false;
let changed = false;
let timer;
let watchers = [];
/** Files that were saved and are not served yet, by their paths from the root. */
let saved = new Set();
let cannotWatch = false;

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stop(signal));
await rebuild();

/**
 * One watcher a folder: Node 20's recursive watch on Linux goes deaf to a file once it was replaced by rename, which is
 * how vim and git write. New ones before the old ones go, so that nothing is missed; folders come and go, too.
 */
function watchFolders() {
  if (cannotWatch) return;
  const old = watchers;
  watchers = ['src', 'workers'].flatMap((folder) => foldersIn(join(root, folder))).map(watchFolder);
  for (const watcher of old) watcher?.close();
}

function foldersIn(folder) {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory());
  return [folder, ...folders.map(({ parentPath, name }) => join(parentPath, name))];
}

function watchFolder(folder) {
  if (cannotWatch) return;
  try {
    const watcher = watch(folder, (_event, name) => {
      if (name !== null) saved.add(relative(root, join(folder, name)));
      clearTimeout(timer);
      timer = setTimeout(rebuild, settleMs);
    });
    return watcher.on('error', blind);
  } catch (error) {
    // It left meanwhile, and its parent's watcher was told.
    if (error.code !== 'ENOENT') blind(error);
  }
}

/** The system has no more watchers to give (ENOSPC, EMFILE), or none at all. */
function blind(error) {
  if (cannotWatch) return;
  cannotWatch = true;
  console.error(
    `dev: files cannot be watched here (${error.code}), so changes are not seen: start anew after a change` +
      (process.platform === 'linux' ? ', or raise fs.inotify.max_user_instances and max_user_watches' : ''),
  );
}

async function rebuild() {
  watchFolders();
  // What changes during a build is built after it.
  changed = true;
  if (building) return;
  building = true;
  while (changed && !stopping) {
    changed = false;
    const before = builtFrom();
    const files = [...saved];
    const built = (await ended(run('build.js'))) === 0;
    if (stopping) break;
    if (!built)
      console.error(server ? 'dev: not built; the last good server keeps running' : 'dev: not built');
    else if (!changed) await serve(files, before !== builtFrom());
  }
  building = false;
  if (cannotWatch && server === undefined && !stopping) process.exit(1);
}

/** Another one than before: something was built. */
function builtFrom() {
  try {
    return readFileSync(join(root, 'dist/.built-from'), 'utf8');
  } catch {
    return undefined;
  }
}

async function serve(files, isNew) {
  saved = new Set([...saved].filter((file) => !files.includes(file)));
  if (server === undefined) return start();
  if (!isNew) return;
  // What an editor writes beside a file, and takes away again, is no source.
  const sources = files.filter((file) => /\.\w+$/.test(file) && !/(^|\/)\.|[~#]$/.test(file));
  const reloads = sources.length > 0 && sources.every((file) => reloadable.test(file));
  const what = [sources.slice(0, 3).join(', ') || 'a source', ...(sources.length > 3 ? ['…'] : [])].join(
    ', ',
  );
  console.error(
    `dev: ${what} changed: ${reloads ? 'reloading' : 'restarting, since the primary runs it too'}`,
  );
  if (reloads) server.kill('SIGHUP');
  else await restart();
}

async function restart() {
  const old = server;
  old.kill('SIGTERM');
  await ended(old);
  if (!stopping) start();
}

function start() {
  const started = run('dist/src/main.js', ...process.argv.slice(2));
  server = started;
  ended(started).then((code) => {
    if (server !== started) return;
    server = undefined;
    if (stopping || cannotWatch) process.exit(code);
    if (!building) console.error(`dev: the server ended (${code}); waiting for a change`);
  });
}

/** The primary knows a signal that comes twice within a moment, from a terminal and from here, for one. */
function stop(signal) {
  stopping = true;
  if (server) server.kill(signal);
  else process.exit(0);
}

function run(script, ...args) {
  // Nobody who edits waits for the drain of a forgotten connection.
  const env = { SHUTDOWN_TIMEOUT_MS: '1000', ...process.env };
  return spawn(process.execPath, [`${root}${script}`, ...args], { stdio: 'inherit', env });
}

function ended(child) {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
}
