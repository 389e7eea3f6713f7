// The first file of a thread: sees to it that what the thread imports is the code that its server process was started
// with, and imports thread-entry.ts. A thread that cannot be loaded says why, and ends.
import { workerData } from 'node:worker_threads';
import { nameSources } from '../source-maps.js';
import { leaveUnloadable } from './departure.js';
import { guardPinnedCode } from './pinned-guard.js';
import type { ThreadData, ThreadSession } from './protocol.js';

const { pinned }: ThreadData = workerData;
const guard = guardPinnedCode(pinned);
nameSources(() => !guard.isServing);

/** One session a thread: the pool's promise stays open for as long as the thread lives. */
export default async function serve(session: ThreadSession): Promise<never> {
  try {
    const open = await guard.around(async () => {
      const { prepareThread } = await import('./thread-entry.js');
      return prepareThread(session, guard);
    });
    // Not before it is known that its code is whole: from here on it is given calls.
    open();
  } catch (thrown) {
    return leaveUnloadable(session.port, thrown);
  }
  return new Promise(() => undefined);
}
