// How a thread ends by itself: it stops listening, and is gone as soon as nothing is in flight. Ended from outside
// (`terminate`, or the exit of its process) while an addon works for it, the addon would be called back into an
// environment that is no more, which aborts the whole process (node-addon-api's AsyncWorker, so bcrypt 6, argon2 0.45;
// seen in Node 20 to 26).
import { MessagePort } from 'node:worker_threads';
import { errorReport } from '../tasks/error-report.js';
import { CodeChangedError } from './pinned-guard.js';
import type { LeaveOrder, ThreadUnloadable } from './protocol.js';

const beatMs = 500;

export function leave({ beats }: LeaveOrder): void {
  const count = new Int32Array(beats);
  setInterval(() => Atomics.add(count, 0, 1), beatMs).unref();
  for (const handle of activeHandles()) if (handle instanceof MessagePort) handle.unref();
}

/**
 * Node has no public name for them (`getActiveResourcesInfo` gives kinds alone), and one of the ports is piscina's own,
 * which nobody else holds.
 */
function activeHandles(): readonly unknown[] {
  const list: unknown = Reflect.get(process, '_getActiveHandles');
  const handles: unknown = typeof list === 'function' ? Reflect.apply(list, process, []) : [];
  return Array.isArray(handles) ? handles : [];
}

/** A thread without its code, or one of its tasks, is of no use: it would take that task's calls, and fail them. */
export function leaveUnloadable(port: MessagePort, thrown: unknown): never {
  tellUnloadable(port, thrown);
  process.exit(1);
}

/** The lane is told why, and the thread ends: by itself, where that is what a file does. */
export function tellUnloadable(port: MessagePort, thrown: unknown): void {
  const post: ThreadUnloadable = {
    type: 'unloadable',
    ...readable(thrown),
    isOutdated: thrown instanceof CodeChangedError,
  };
  port.postMessage(post);
}

/** What was thrown may be anything; what thread-tasks.ts throws says which file it was. */
function readable(thrown: unknown): Pick<ThreadUnloadable, 'reason' | 'file' | 'cause'> {
  if (!(thrown instanceof Error)) return { reason: String(thrown), file: undefined, cause: undefined };
  const file = 'file' in thrown && typeof thrown.file === 'string' ? thrown.file : undefined;
  const cause = thrown.cause === undefined ? undefined : errorReport(thrown.cause);
  return { reason: thrown.message, file, cause };
}
