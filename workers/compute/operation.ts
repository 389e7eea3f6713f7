// What an operation of /compute is: its cost and its work. What it takes and gives, as schemas, is in inputs.ts and
// outputs.ts: threads load no schema, so nothing here imports zod.
import type { TaskContext } from '../../src/task.js';

export interface Operation<Input, Result> {
  /** Rough cost in µs on one core; O(1). */
  costUs(input: Input): number;
  run(input: Input, signal: TaskContext['signal']): Result;
}

/** Declares an operation. Returns its argument: it is there for the types. */
export function defineOperation<Input, Result>(
  operation: Operation<Input, Result>,
): Operation<Input, Result> {
  return operation;
}
