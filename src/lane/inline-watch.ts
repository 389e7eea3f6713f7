// On the event loop: watches over calls that run inline, for what their authors vouched for and what does not hold. An
// error that such a call leaves behind (a promise rejected, a timer that throws) or its `process.exit()` would take
// the whole process along. In threads that is thread/stray-errors.ts.
import { createHook, executionAsyncResource } from 'node:async_hooks';

export interface InlineWatch<Call> {
  /** Runs a call's synchronous part. */
  run<T>(call: Call, act: () => T): T;
  /** What the server does in the midst of a run (a log line) is not the call's doing. */
  aside(act: () => void): void;
  /**
   * Whether an error that nobody caught comes from such a call; `threw` has been told then.
   * @param promise the one that was rejected, if it was one
   */
  takes(thrown: unknown, promise?: object): boolean;
  /** To be asked before the process exits. Throws where it is such a call that wants it to. */
  refuseExit(): void;
}

export type BrokenPromise = 'leaves work behind' | 'calls process.exit()';

export interface InlineWatchEvents<Call> {
  /** It leaves something behind: it is not what its author vouched for. May be told again. */
  broke(call: Call, how: BrokenPromise): void;
  threw(call: Call, thrown: unknown): void;
}

/** What Node makes for synchronous native work as well (crypto, zlib), which leaves nothing behind. */
const mayBeSynchronous = /REQUEST$|^ZLIB$/;

/**
 * A hook that is on only while a call runs: some 3 µs a call (Node 20). An AsyncLocalStorage (as in threads) costs less a call.
 * Node 20 and 22: but there it makes every promise and handle of the process dearer, 1 to 2 µs a request, light routes
 * too. Only once a call has left something behind the hook stays on, to follow what comes of it.
 */
export function createInlineWatch<Call>(events: InlineWatchEvents<Call>): InlineWatch<Call> {
  const origins = new WeakMap<object, Call>();
  let running: Call | undefined;
  let leaves = false;
  let staysOn = false;

  const hook = createHook({
    init(_id, type, _trigger, resource) {
      const origin = running ?? origins.get(executionAsyncResource());
      if (origin === undefined) return;
      origins.set(resource, origin);
      if (running !== undefined && !mayBeSynchronous.test(type)) leaves = true;
    },
  });

  const originOf = (promise?: object): Call | undefined =>
    running ?? (promise && origins.get(promise)) ?? origins.get(executionAsyncResource());

  return {
    run(call, act) {
      running = call;
      if (!staysOn) hook.enable();
      try {
        return act();
      } finally {
        running = undefined;
        if (leaves) {
          leaves = false;
          staysOn = true;
          events.broke(call, 'leaves work behind');
        } else if (!staysOn) hook.disable();
      }
    },
    aside(act) {
      const call = running;
      running = undefined;
      try {
        act();
      } finally {
        running = call;
      }
    },
    takes(thrown, promise) {
      const call = originOf(promise);
      if (call === undefined) return false;
      events.broke(call, 'leaves work behind');
      events.threw(call, thrown);
      return true;
    },
    refuseExit() {
      const call = originOf();
      if (call === undefined) return;
      events.broke(call, 'calls process.exit()');
      throw new Error('process.exit() by a task that runs on the event loop');
    },
  };
}
