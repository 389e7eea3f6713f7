// The first file of a thread: sees to it that what the thread imports is the code that its server process was started
// with, and imports thread-entry.ts. Where all files are as they were this costs a look at each; else the code that was
// kept is served by module hooks. A thread that cannot be loaded says why, and ends.
import * as nodeModule from 'node:module';
import { type MessagePort, workerData } from 'node:worker_threads';
import { changedFile } from '../tasks/fingerprints.js';
import type { PinnedCode } from '../tasks/pinned-code.js';
import type { ThreadData, ThreadPost, ThreadSession } from './protocol.js';

// Stacks name the sources, those of tasks too: maps are looked for as modules are loaded, 8 ms of a thread's start (Node
// 20 and 24). Not by `execArgv`: a thread whose flags are named does not take over those of its process.
process.setSourceMapsEnabled(true);

const { pinned }: ThreadData = workerData;
const load = pinned === undefined ? importEntry : () => importPinned(pinned);
const serve = await load().catch(
  (thrown: unknown) => (session: ThreadSession) => leave(session.port, thrown),
);

export default serve;

async function importEntry(): Promise<(session: ThreadSession) => Promise<never>> {
  return (await import('./thread-entry.js')).default;
}

async function importPinned({ prints, memory }: PinnedCode): ReturnType<typeof importEntry> {
  if (changedFile(prints) !== undefined) {
    await serveFrom(memory);
    return importEntry();
  }
  const entry = await importEntry();
  // What was imported may be half of either: the next thread will find them changed.
  const changed = changedFile(prints);
  if (changed !== undefined) throw new Error(`${changed} has changed while a thread was being loaded`);
  return entry;
}

async function serveFrom(memory: SharedArrayBuffer): Promise<void> {
  const { initialize, resolve, load, pathOf } = await import('./pinned-hooks.js');
  initialize(memory);
  const registerHooks: unknown = Reflect.get(nodeModule, 'registerHooks');
  if (typeof registerHooks === 'function') registerHooks({ resolve, load });
  // Node 20: without registerHooks (as 22 before 22.15), which runs the hooks in this thread.
  else nodeModule.register('./pinned-hooks.js', import.meta.url, { data: memory });
  // Node 20 and 22: a `require` in a CommonJS module that hooks have served looks for the file on disk first, in this
  // way, and asks the hooks for what it has found.
  const commonJs: object = nodeModule.Module;
  const onDisk: unknown = Reflect.get(commonJs, '_resolveFilename');
  if (typeof onDisk !== 'function') return;
  Reflect.set(commonJs, '_resolveFilename', (specifier: string, from?: NodeJS.Module, ...more: unknown[]) => {
    const kept = pathOf(specifier, from?.filename);
    return kept ?? Reflect.apply(onDisk, commonJs, [specifier, from, ...more]);
  });
}

function leave(port: MessagePort, thrown: unknown): never {
  const { message, file } = readable(thrown);
  const post: ThreadPost = { type: 'unloadable', reason: message, file };
  port.postMessage(post);
  process.exit(1);
}

/** What was thrown may be anything; what thread-entry.ts throws says which file it was. */
function readable(thrown: unknown): { readonly message: string; readonly file: string | undefined } {
  if (!(thrown instanceof Error)) return { message: String(thrown), file: undefined };
  const file = 'file' in thrown && typeof thrown.file === 'string' ? thrown.file : undefined;
  return { message: thrown.message, file };
}
