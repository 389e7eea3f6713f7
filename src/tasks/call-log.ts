// The log that a call is given: what it writes is plain data of a bounded size (log-line.ts), and no more than a bounded
// number of lines, so that a task which logs in a loop fills neither the log nor the event loop that writes it. Lines of
// one level take no room from those of another: an error is seen behind a thousand lines of debug.
import { monotonicMs } from '../clock.js';
import type { TaskLog } from '../task.js';
import { type LogFields, logLine } from './log-line.js';

export type LogLevel = keyof TaskLog;

export interface CallLog extends TaskLog {
  /** The call has ended: tells how many lines were dropped. What it has left behind may log on, within the same bound. */
  end(): void;
}

/** So many lines of a level at once, then so many a second. */
const burst = 100;
const perSecond = 10;

/**
 * @param write is given all that is to be written. What it is told of dropped lines has their level: where they would not
 * have been seen, it need not be either
 */
export function createCallLog(
  write: (level: LogLevel, message: string, fields: LogFields | undefined) => void,
  now: () => number = monotonicMs,
): CallLog {
  const debug = createLevel((...line) => write('debug', ...line), now);
  const info = createLevel((...line) => write('info', ...line), now);
  const warn = createLevel((...line) => write('warn', ...line), now);
  const error = createLevel((...line) => write('error', ...line), now);
  return {
    debug: debug.log,
    info: info.log,
    warn: warn.log,
    error: error.log,
    end() {
      for (const level of [debug, info, warn, error]) level.end();
    },
  };
}

function createLevel(
  write: (message: string, fields: LogFields | undefined) => void,
  now: () => number,
): { readonly log: TaskLog['info']; end(): void } {
  let left = burst;
  let countedMs = now();
  let dropped = 0;
  let isTold = false;

  function takes(): boolean {
    const nowMs = now();
    left = Math.min(burst, left + ((nowMs - countedMs) * perSecond) / 1_000);
    countedMs = nowMs;
    if (left < 1) return false;
    left--;
    return true;
  }

  return {
    log(message, fields) {
      if (takes()) {
        const line = logLine(message, fields);
        write(line.message, line.fields);
        return;
      }
      dropped++;
      // Now, since its thread may be ended before it can tell how many.
      if (!isTold)
        write(
          `this call logs too much: beyond ${burst} lines, and ${perSecond} a second, they are dropped`,
          undefined,
        );
      isTold = true;
    },
    end() {
      if (dropped > 0) write('lines that this call logged were dropped', { dropped });
      dropped = 0;
    },
  };
}
