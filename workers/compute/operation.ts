// What an operation of /compute is: its own input and output, its cost, its work.
import type { z } from 'zod';
import type { TaskContext } from '../../src/task.js';

export interface Operation<Input extends z.ZodType, Result> {
  /** A strict object; `operation` in it is the operation's name. */
  readonly input: Input;
  /** Rough cost in µs on one core; O(1). */
  costUs(input: z.output<Input>): number;
  run(input: z.output<Input>, signal: TaskContext['signal']): Result;
}

/** Declares an operation. Returns its argument: it is there for the types. */
export function defineOperation<Input extends z.ZodType, Result>(
  operation: Operation<Input, Result>,
): Operation<Input, Result> {
  return operation;
}
