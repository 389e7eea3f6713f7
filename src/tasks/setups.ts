// The `setup` of each task, once for whoever runs its calls here: a thread, or the event loop. What is made of its value
// is call-context.ts.
import type { TaskDefinition } from '../task.js';
import { reasonOf } from './error-report.js';

type HasSetup = Pick<TaskDefinition, 'setup'>;

/** A setup threw, or took too long: the calls that need it are TASK_FAILED, and it is tried again. */
export class SetupError extends Error {
  override readonly name = 'SetupError';
}

/** A value that may itself be a promise-like one. */
export interface SetupValue {
  readonly value: unknown;
}

export interface Setups {
  /**
   * The value, made if there is none yet; a promise where that has to be waited for.
   * @throws SetupError; or rejects with it
   */
  of(definition: HasSetup): SetupValue | Promise<SetupValue>;
  /** One that is being made has failed otherwise: the next call tries again. */
  fail(definition: HasSetup, thrown: unknown): SetupError;
  /** Undefined where it has not been made, or is not made yet. */
  made(definition: HasSetup): SetupValue | undefined;
}

/** One that waits for what never comes would keep its thread for ever. A model may take its minutes. */
export const longestSetupMs = 300_000;

export function createSetups(longestMs = longestSetupMs): Setups {
  const values = new Map<HasSetup, SetupValue>();
  const underway = new Map<HasSetup, Promise<SetupValue>>();

  function keep(definition: HasSetup, value: unknown): SetupValue {
    const made = { value };
    values.set(definition, made);
    return made;
  }

  async function wait(definition: HasSetup, promise: PromiseLike<unknown>): Promise<SetupValue> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`not done after ${longestMs / 1_000} s`)), longestMs);
    });
    try {
      return keep(definition, await Promise.race([promise, late]));
    } catch (cause) {
      throw setupError(cause);
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    of(definition) {
      if (definition.setup === undefined) return none;
      const there = values.get(definition) ?? underway.get(definition);
      if (there !== undefined) return there;
      let value: unknown;
      try {
        value = definition.setup();
      } catch (cause) {
        throw setupError(cause);
      }
      if (!isThenable(value)) return keep(definition, value);
      const promise = wait(definition, value).finally(() => {
        if (underway.get(definition) === promise) underway.delete(definition);
      });
      underway.set(definition, promise);
      return promise;
    },
    fail(definition, thrown) {
      underway.delete(definition);
      return setupError(thrown);
    },
    made: (definition) => (definition.setup === undefined ? none : values.get(definition)),
  };
}

const none: SetupValue = { value: undefined };

function setupError(cause: unknown): SetupError {
  if (cause instanceof SetupError) return cause;
  return new SetupError(`its setup failed: ${reasonOf(cause)}`, { cause });
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
