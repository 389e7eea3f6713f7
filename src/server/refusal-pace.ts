// When a refusal for load is answered: at once, as long as refusals take a small share of the event loop. The loop goes
// before the threads, so clients that ask again as soon as they are refused would otherwise take the cores from the
// calls that were let in. Beyond that share refusals are answered in turn: who waits for one cannot ask again.
import { monotonicMs } from '../clock.js';

/** Of the event loop's time. */
const share = 1 / 5;
/** So many a second are always answered at once, whatever else keeps the loop busy. */
const leastPerSecond = 500;
/** What has not been used lately may be used at once. */
const burstMs = 1_000;
/** Clients that do not wait for their answers are not slowed down by late ones. */
const longestDelayMs = 1_000;
/** What a refusal costs is measured over so long at least. */
const windowMs = 200;
/** Answers that are due within this time are sent together. */
const tickMs = 5;

export interface RefusalPace {
  /** Calls `answer` when it is its turn: now, or within a second. In the order of the calls. */
  inTurn(answer: () => void): void;
  /** Calls what waits now, and what comes from now on at once. */
  close(): void;
}

/**
 * @param now in ms
 * @param activeMs for how long the event loop has been busy since it began, in ms
 */
export function createRefusalPace(
  now: () => number = monotonicMs,
  activeMs: () => number = () => performance.eventLoopUtilization().active,
): RefusalPace {
  const waiting: { readonly atMs: number; readonly answer: () => void }[] = [];
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  let measured = { beganMs: now(), activeMs: activeMs(), refusals: 0 };
  let intervalMs = 0;
  let nextMs = Number.NEGATIVE_INFINITY;

  /** Charges refusals with all that the loop did: what else it did is a reason more to hold them back. */
  function measure(nowMs: number): void {
    measured.refusals++;
    if (nowMs - measured.beganMs < windowMs) return;
    const active = activeMs();
    const costMs = (active - measured.activeMs) / measured.refusals;
    // After a longer time most of what the loop did had nothing to do with refusals.
    if (nowMs - measured.beganMs < 5 * windowMs)
      intervalMs = Math.min(costMs / share, 1_000 / leastPerSecond);
    measured = { beganMs: nowMs, activeMs: active, refusals: 0 };
  }

  /** The generic cell rate algorithm (ITU-T I.371), with a delay where it would say no. */
  function turn(nowMs: number): number {
    nextMs = Math.min(Math.max(nextMs, nowMs - burstMs) + intervalMs, nowMs + longestDelayMs);
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
      measure(nowMs);
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
