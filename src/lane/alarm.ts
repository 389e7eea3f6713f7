// Something that is done at a moment, once: a timeout that never comes early. Node reckons timeouts from the beginning of
// the event loop's turn, so that one may come some ms before its time, and knows none of more than 24 days.
import { monotonicMs } from '../clock.js';

export interface Alarm {
  /** Idempotent. */
  clear(): void;
}

/** @param atMs on the clock of monotonicMs() */
export type SetAlarm = (atMs: number, action: () => void) => Alarm;

const longestTimeoutMs = 2_147_483_647;

export const setAlarm: SetAlarm = (atMs, action) => {
  let timer = wait();

  function wait(): NodeJS.Timeout {
    return setTimeout(look, Math.min(Math.max(0, Math.ceil(atMs - monotonicMs())), longestTimeoutMs));
  }

  function look(): void {
    if (monotonicMs() < atMs) timer = wait();
    else action();
  }

  return { clear: () => clearTimeout(timer) };
};
