// What a task's `run` is given beside its input. Its parts cost nothing unless a task asks for them.
import type { Progress, TaskContext, TaskLog } from '../task.js';
import { createProgress } from './progress.js';

/** Why a call is to stop. */
export const stopFlag = { none: 0, cancelled: 1, expired: 2 } as const;
export type StopFlag = (typeof stopFlag)[keyof typeof stopFlag];

/** How often a waiting asynchronous call looks whether it is to stop, in ms. */
const watchIntervalMs = 10;

export interface CallContext extends TaskContext {
  /** There before the run. */
  setup: unknown;
  /**
   * For asynchronous runs, which wait for events instead of asking. Returns what ends the watch.
   * @param turned called again and again, as long as the event loop turns
   */
  watch(turned?: () => void): () => void;
}

/** What is known of a call beside its input. */
export interface CallFacts {
  readonly client: string;
  readonly requestId?: string | undefined;
}

/**
 * @param readFlag the call's stop flag in shared memory
 * @param setup what the task's `setup` returned here
 */
export function createCallContext(
  readFlag: () => StopFlag,
  createLog: () => TaskLog,
  facts: CallFacts,
  tell: (progress: Progress) => void,
  setup?: unknown,
): CallContext {
  return new LazyContext(readFlag, createLog, facts, tell, setup);
}

/** A class, not an object with getters: V8 makes the functions of those anew for every call. */
class LazyContext implements CallContext {
  readonly #readFlag: () => StopFlag;
  readonly #createLog: () => TaskLog;
  #signal: LiveSignal | undefined;
  readonly #tell: (progress: Progress) => void;
  #log: TaskLog | undefined;
  #progress: ((done: number, note?: string) => void) | undefined;
  readonly client: string;
  readonly requestId: string | undefined;
  setup: unknown;

  constructor(
    readFlag: () => StopFlag,
    createLog: () => TaskLog,
    { client, requestId }: CallFacts,
    tell: (progress: Progress) => void,
    setup: unknown,
  ) {
    this.#tell = tell;
    this.client = client;
    this.requestId = requestId;
    this.setup = setup;
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

  /** A function of its own: tasks take it out of the context. */
  get progress(): (done: number, note?: string) => void {
    this.#progress ??= createProgress(this.#tell);
    return this.#progress;
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

const refreshOf = Symbol('whether the flag is up');

interface AsksItsFlag extends AbortSignal {
  [refreshOf]: () => boolean;
}

/** Of every live signal: defined on each anew, these cost several µs a call. */
const asksItsFlag: object = Object.create(AbortSignal.prototype, {
  aborted: {
    get(this: AsksItsFlag): boolean {
      return this[refreshOf]();
    },
  },
  throwIfAborted: {
    value(this: AsksItsFlag): void {
      if (this[refreshOf]()) throw this.reason;
    },
  },
});

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
  const signal = Object.assign(controller.signal, { [refreshOf]: refresh });
  Object.setPrototypeOf(signal, asksItsFlag);
  return { signal, refresh };
}

function reasonOf(flag: StopFlag): DOMException {
  return flag === stopFlag.expired
    ? new DOMException('The deadline has passed.', 'TimeoutError')
    : new DOMException('The caller has left.', 'AbortError');
}
