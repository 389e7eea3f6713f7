// What a throw inside a task means to its caller.
import { expect, it } from 'vitest';
import { CallError, refusalForLoad } from '#src/errors.js';
import { failureOf } from '#src/tasks/run-task.js';

it('a call that has begun is never answered as one that was refused', () => {
  const refusal = refusalForLoad('OVERLOADED', 'Full.', { retryAfterSeconds: 1, notBegun: true });
  for (const thrown of [refusal, CallError.of(refusal), new CallError('SHUTTING_DOWN', 'It stops.')])
    expect(failureOf(thrown)).toMatchObject({ code: 'TASK_FAILED' });
  expect(failureOf(new CallError('INVALID_INPUT', 'No.'))).toMatchObject({ code: 'INVALID_INPUT' });
});
