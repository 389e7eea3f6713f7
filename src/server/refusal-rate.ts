// When a refusal for load is answered: at once, as long as they are not more than a fixed number a second. The event
// loop goes before the threads, so clients that ask again as soon as they are refused would otherwise take the cores
// from the calls that were let in. Beyond that rate refusals are answered in turn: who waits for one cannot ask again.
import { monotonicMs } from '../clock.js';

/** Of one server process: some 100 to 200 ms of its event loop. */
const perSecond = 1_000;
/** What has not been used lately may be used at once. */
const burstMs = 1_000;
/** Clients that do not wait for their answers are not slowed down by late ones. */
const longestDelayMs = 1_000;
/** Answers that are due within this time are sent together. */
const tickMs = 5;

export interface RefusalRate {
  /** Calls `answer` when it is its turn: now, or within a second. In the order of the calls. */
  inTurn(answer: () => void): void;
  /** Calls what waits now, and what comes from now on at once. */
  close(): void;
}

/** @param now in ms */
export function createRefusalRate(now: () => number = monotonicMs): RefusalRate {
  const waiting: { readonly atMs: number; readonly answer: () => void }[] = [];
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let nextMs = Number.NEGATIVE_INFINITY;

  /** The generic cell rate algorithm (ITU-T I.371), with a delay where it would say no. */
  function turn(nowMs: number): number {
    nextMs = Math.min(Math.max(nextMs, nowMs - burstMs) + 1_000 / perSecond, nowMs + longestDelayMs);
    return nextMs;
  }

  function answerDue(): void {
    const nowMs = now();
    const later = waiting.findIndex(({ atMs }) => atMs > nowMs);
    const due = waiting.splice(0, later < 0 ? waiting.length : later);
    timer = waiting.length === 0 ? undefined : setTimeout(answerDue, tickMs);
    for (const { answer } of due) answer();
  }

  return {
    inTurn(answer) {
      const nowMs = now();
      const atMs = turn(nowMs);
      if (closed || (atMs <= nowMs && waiting.length === 0)) {
        answer();
        return;
      }
      waiting.push({ atMs, answer });
      timer ??= setTimeout(answerDue, tickMs);
    },
    close() {
      closed = true;
      clearTimeout(timer);
      timer = undefined;
      for (const { answer } of waiting.splice(0)) answer();
    },
  };
}
