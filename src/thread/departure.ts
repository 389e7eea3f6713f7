// How a thread ends by itself: it stops listening, and is gone as soon as nothing is in flight. Ended from outside
// (`terminate`, or the exit of its process) while an addon works for it, the addon would be called back into an
// environment that is no more, which aborts the whole process (node-addon-api's AsyncWorker, so bcrypt 6, argon2 0.45;
// seen in Node 20 to 26).
import { MessagePort } from 'node:worker_threads';
import type { LeaveOrder } from './protocol.js';

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
