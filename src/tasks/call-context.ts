// What a task's `run` is given beside its input. Its parts cost nothing unless a task asks for them.
import type { TaskContext, TaskLog } from '../task.js';

/** Why a call is to stop. */
export const stopFlag = { none: 0, cancelled: 1, expired: 2 } as const;
export type StopFlag = (typeof stopFlag)[keyof typeof stopFlag];

/** How often a waiting asynchronous call looks whether it is to stop, in ms. */
const watchIntervalMs = 10;

export interface CallContext extends TaskContext {
  /**
   * For asynchronous runs, which wait for events instead of asking. Returns what ends the watch.
   * @param turned called again and again, as long as the event loop turns
   */
  watch(turned?: () => void): () => void;
}

/** @param readFlag the call's stop flag in shared memory */
export function createCallContext(readFlag: () => StopFlag, createLog: () => TaskLog): CallContext {
  return new LazyContext(readFlag, createLog);
}

/** A class, not an object with getters: V8 makes the functions of those anew for every call. */
class LazyContext implements CallContext {
  readonly #readFlag: () => StopFlag;
  readonly #createLog: () => TaskLog;
  #signal: LiveSignal | undefined;
  #log: TaskLog | undefined;

  constructor(readFlag: () => StopFlag, createLog: () => TaskLog) {
    this.#readFlag = readFlag;
    this.#createLog = createLog;
  }

  get signal(): AbortSignal {
    this.#signal ??= createLiveSignal(this.#readFlag);
    return this.#signal.signal;
  }

  get log(): TaskLog {
    this.#log ??= this.#createLog();
    return this.#log;
  }

  watch(turned?: () => void): () => void {
    const timer = setInterval(() => {
      turned?.();
      this.#signal?.refresh();
    }, watchIntervalMs);
    // A thread that is left to its call ends once nothing else is in flight.
    timer.unref();
    return () => clearInterval(timer);
  }
}

interface LiveSignal {
  readonly signal: AbortSignal;
  /** Fires `abort` once the flag is up; whether it is. */
  refresh(): boolean;
}

/** A real AbortSignal whose `aborted` and `throwIfAborted()` look at the flag, so that a synchronous loop sees it. */
function createLiveSignal(readFlag: () => StopFlag): LiveSignal {
  const controller = new AbortController();
  let aborted = false;
  const refresh = (): boolean => {
    if (aborted) return true;
    const flag = readFlag();
    if (flag === stopFlag.none) return false;
    aborted = true;
    controller.abort(reasonOf(flag));
    return true;
  };
  Object.defineProperties(controller.signal, {
    aborted: { get: refresh },
    throwIfAborted: {
      value() {
        if (refresh()) throw controller.signal.reason;
      },
    },
  });
  return { signal: controller.signal, refresh };
}

function reasonOf(flag: StopFlag): DOMException {
  return flag === stopFlag.expired
    ? new DOMException('The deadline has passed.', 'TimeoutError')
    : new DOMException('The caller has left.', 'AbortError');
}
