// How far a call says that it is: bounded, and told a few times a second at most. Nothing here throws, for it must not
// fail its call. Who hears of it is the caller's affair.
import { monotonicMs } from '../clock.js';
import type { Progress } from '../task.js';

const longestNote = 200;
/** So many at once, then one in so long. */
const burst = 5;
const everyMs = 100;

/** What a task said, made sound; undefined where that is no progress. */
export function soundProgress(done: unknown, note: unknown): Progress | undefined {
  if (typeof done !== 'number' || Number.isNaN(done)) return undefined;
  const bounded = Math.min(1, Math.max(0, done));
  return typeof note === 'string' ? { done: bounded, note: note.slice(0, longestNote) } : { done: bounded };
}

/** What is said too often is dropped, but for the end (1). */
export function createProgress(
  tell: (progress: Progress) => void,
  now: () => number = monotonicMs,
): (done: number, note?: string) => void {
  let left = burst;
  let countedMs = now();
  let isDone = false;
  return (done, note) => {
    const progress = soundProgress(done, note);
    if (progress === undefined) return;
    const nowMs = now();
    left = Math.min(burst, left + (nowMs - countedMs) / everyMs);
    countedMs = nowMs;
    const isEnd = progress.done === 1 && !isDone;
    if (left < 1 && !isEnd) return;
    isDone ||= isEnd;
    left = Math.max(0, left - 1);
    tell(progress);
  };
}
