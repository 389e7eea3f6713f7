// A listening socket's backlog: how long it may get, and how all who stand in it are accepted before the socket is closed.
// Their connections are established, and most have sent their request; the kernel would reset them.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { monotonicMs } from '../clock.js';

/** The longest row of connections that the kernel keeps until they are accepted. */
export const backlog = 1_024;

/** A turn of the event loop accepts one connection (libuv 1.45 and newer): so many turns without any are an empty backlog. */
const quietTurns = 2;

/** Who comes after a turn has looked is reset: so the last one must be short. */
const shortTurnMs = 0.3;

/** Under a flood it is never empty: this is the end then, but not before all who stood there at first are accepted. */
const longestMs = 1_000;

/**
 * Resolves when nobody stands there, in the very turn in which that was seen: close at once.
 * @param accepted how many connections were accepted so far
 */
export async function emptyBacklog(accepted: () => number): Promise<void> {
  const endMs = monotonicMs() + longestMs;
  for (let turns = 1, quiet = 0; quiet < quietTurns; turns++) {
    const before = accepted();
    const startMs = monotonicMs();
    await nextTurn();
    const nowMs = monotonicMs();
    if (nowMs > endMs && turns > backlog) return;
    quiet = accepted() === before && nowMs - startMs < shortTurnMs ? quiet + 1 : 0;
  }
}
