// From a value to a task's validated input, the same on the event loop and in a thread.
import type { z } from 'zod';
import { AppError, type InputIssue } from '../errors.js';
import type { TaskDefinition } from '../task.js';

/**
 * The value as the task's `run` gets it.
 * @throws AppError INVALID_INPUT with every issue found (at most 20), TASK_FAILED where the schema itself throws
 */
export function validateInput({ input }: Pick<TaskDefinition, 'input'>, value: unknown): unknown {
  const parsed = parseBy(input, value);
  if (parsed.success) return parsed.data;
  throw new AppError('INVALID_INPUT', 'The input does not fit its schema.', {
    issues: inputIssues(parsed.error),
  });
}

function parseBy(schema: z.ZodType, value: unknown): z.ZodSafeParseResult<unknown> {
  try {
    return schema.safeParse(value);
  } catch (cause) {
    throw new AppError('TASK_FAILED', 'The task failed.', { cause });
  }
}

/** More are not told. */
const mostIssues = 20;

/** A schema's complaints as a caller reads them: each at its own field. */
export function inputIssues(error: z.ZodError): InputIssue[] {
  return error.issues.slice(0, mostIssues).flatMap(fieldIssues).slice(0, mostIssues);
}

function fieldIssues(issue: z.core.$ZodIssue): InputIssue[] {
  const path = issue.path.map(String);
  if (issue.code !== 'unrecognized_keys') return [{ path: path.join('.'), message: issue.message }];
  // One issue may name a hundred thousand of them.
  return issue.keys
    .slice(0, mostIssues)
    .map((key) => ({ path: [...path, key].join('.'), message: 'There is no such field.' }));
}
