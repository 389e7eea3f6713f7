// npm run dev: builds and serves, and does both anew whenever a source changes. A source that does not compile leaves the
// running server alone. Ctrl-C ends everything. It is no part of what is shipped.
import { spawn } from 'node:child_process';
import { readdirSync, watch } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('.', import.meta.url));
/** An editor saves in several steps. */
const settleMs = 100;

/** The server's process while it runs. */
let server;
let stopping = false;
let building = false;
let changed = false;
let timer;
let watchers = [];

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => stop(signal));
await rebuild();

/**
 * One watcher a folder: Node 20's recursive watch on Linux goes deaf to a file once it was replaced by rename, which is
 * how vim and git write. New ones before the old ones go, so that nothing is missed; folders come and go, too.
 */
function watchFolders() {
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
  try {
    return watch(folder, () => {
      clearTimeout(timer);
      timer = setTimeout(rebuild, settleMs);
    });
  } catch (error) {
    // It left meanwhile, and its parent's watcher was told.
    if (error.code !== 'ENOENT') throw error;
  }
}

async function rebuild() {
  watchFolders();
  // What changes during a build is built after it.
  changed = true;
  if (building) return;
  building = true;
  while (changed && !stopping) {
    changed = false;
    const built = (await ended(run('build.js'))) === 0;
    if (!built)
      console.error(server ? 'dev: not built; the last good server keeps running' : 'dev: not built');
    else if (!changed && !stopping) await restart();
  }
  building = false;
}

async function restart() {
  if (server) {
    const old = server;
    old.kill('SIGTERM');
    await ended(old);
  }
  if (stopping) return;
  const started = run('dist/src/main.js', ...process.argv.slice(2));
  server = started;
  ended(started).then((code) => {
    if (server !== started) return;
    server = undefined;
    if (stopping) process.exit(code);
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
