// From raw bytes to a task's validated input, by the task's own `fromBytes`.
import type { TaskDefinition } from '../task.js';
import { validateInput } from './input.js';
import { replyError } from './reply.js';
import { failureOf } from './run-task.js';

/** @throws AppError INVALID_INPUT; TASK_FAILED where the task's own code throws */
export function inputFromBytes(
  definition: TaskDefinition,
  bytes: Uint8Array,
  parameters: Readonly<Record<string, string>>,
  contentType: string,
): unknown {
  return validateInput(definition, fromBytes(definition, bytes, parameters, contentType));
}

function fromBytes(
  definition: TaskDefinition,
  bytes: Uint8Array,
  parameters: Readonly<Record<string, string>>,
  contentType: string,
): unknown {
  try {
    return definition.fromBytes?.(bytes, parameters, contentType);
  } catch (thrown) {
    throw replyError(failureOf(thrown));
  }
}
