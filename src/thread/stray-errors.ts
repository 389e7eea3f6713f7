// In a thread: errors that come outside of any call's run, from a timer or a promise that a task has left behind. As
// a rule of Node they end the thread, and with it whatever call it is at then, which has nothing to do with them.
import { AsyncLocalStorage } from 'node:async_hooks';

export interface LeftoverErrors<Call> {
  /**
   * Runs a call, or its setup: `act`, or where such an error comes from it while its result is waited for, `failed`.
   */
  run<T>(call: Call, act: () => T | Promise<T>, failed: (thrown: unknown) => T): T | Promise<T>;
}

interface Attempt<Call> {
  readonly call: Call;
  /** There while its reply is waited for. */
  fail?: ((thrown: unknown) => void) | undefined;
}

/**
 * Nothing that a task leaves behind ends this thread from now on; its `process.exit()` still does.
 * @param report an error of a call that has its reply, or of an unknown one
 */
export function createLeftoverErrors<Call>(
  report: (call: Call | undefined, thrown: unknown) => void,
): LeftoverErrors<Call> {
  const origin = new AsyncLocalStorage<Attempt<Call>>();
  let waitedFor: Attempt<Call> | undefined;

  function onError(thrown: unknown): void {
    // Not known for what queueMicrotask ran: then it is the call that runs, if any does.
    const attempt = origin.getStore() ?? waitedFor;
    if (attempt?.fail === undefined) report(attempt?.call, thrown);
    else attempt.fail(thrown);
  }
  process.on('uncaughtException', onError);
  process.on('unhandledRejection', onError);

  return {
    run<T>(call: Call, act: () => T | Promise<T>, failed: (thrown: unknown) => T) {
      const attempt: Attempt<Call> = { call };
      const reply = origin.run(attempt, act);
      if (!(reply instanceof Promise)) return reply;
      waitedFor = attempt;
      const failure = new Promise<T>((resolve) => {
        attempt.fail = (thrown) => resolve(failed(thrown));
      });
      return Promise.race([reply, failure]).finally(() => {
        attempt.fail = undefined;
        waitedFor = undefined;
      });
    },
  };
}
