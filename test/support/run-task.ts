// A call of a task as the lane makes it, without the lane: the input is validated, then run.
import type { TaskContext, TaskDefinition } from '#src/task.js';
import { taskContext } from './task-context.js';

type Runnable = Pick<TaskDefinition, 'input'> & {
  run(input: never, context: TaskContext): unknown;
};

/** What `run` gives for an input that fits; throws the ZodError of one that does not. */
export function runTask(task: Runnable, input: unknown, signal?: AbortSignal): unknown {
  return task.run(task.input.parse(input) as never, taskContext(signal));
}

/** Where the input does not fit: the paths of its issues. */
export function issuePaths(task: Pick<TaskDefinition, 'input'>, input: unknown): string[] {
  const parsed = task.input.safeParse(input);
  return parsed.success ? [] : parsed.error.issues.map((issue) => issue.path.join('.'));
}
