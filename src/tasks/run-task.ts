// Runs one call of a task, the same way in every lane: run, check what came back, measure, name what went wrong.
import { AppError } from '../errors.js';
import type { TaskContext, TaskDefinition } from '../task.js';
import { errorReport } from './error-report.js';
import type { CallReply } from './reply.js';
import { encodeResult, type ResultRules } from './result.js';
import { type StreamSink, sendStream, streamOf } from './stream.js';

/** What is there of a task where it runs. */
export type RunnableTask = Pick<TaskDefinition, 'run' | 'setup'> & ResultRules;

/**
 * A reply at once where the task's `run` is synchronous, else a promise of one. Never throws, never rejects.
 * @param openSink where its chunks go, if it streams
 * @param startedMs when the call began, on performance.now()
 */
export function runTask(
  definition: RunnableTask,
  input: unknown,
  context: TaskContext,
  openSink: () => StreamSink,
  startedMs = performance.now(),
): CallReply | Promise<CallReply> {
  try {
    const value: unknown = definition.run(input, context);
    if (isThenable(value) || streamOf(value) !== undefined)
      return settle(definition, value, openSink, startedMs);
    return done(definition, value, startedMs, true);
  } catch (thrown) {
    return failed(thrown, startedMs, true);
  }
}

async function settle(
  definition: RunnableTask,
  promised: unknown,
  openSink: () => StreamSink,
  startedMs: number,
): Promise<CallReply> {
  try {
    const value = await promised;
    const stream = streamOf(value);
    if (stream === undefined) return done(definition, value, startedMs, false);
    await sendStream(definition, stream, openSink());
    return { type: 'streamed', runMs: performance.now() - startedMs, sync: false };
  } catch (thrown) {
    return failed(thrown, startedMs, false);
  }
}

function done(definition: RunnableTask, value: unknown, startedMs: number, sync: boolean): CallReply {
  const { contentType, body, head } = encodeResult(definition, value);
  const runMs = performance.now() - startedMs;
  if (head !== undefined) return { type: 'done', contentType, body, head, runMs, sync };
  return { type: 'done', contentType, body, runMs, sync };
}

/** The reply of a call that threw. */
export function failed(thrown: unknown, startedMs: number, sync: boolean): CallReply {
  return { ...failureOf(thrown), runMs: performance.now() - startedMs, sync };
}

/** What a throw means to the caller, and what the log is told. */
export function failureOf(thrown: unknown): Omit<Extract<CallReply, { type: 'failed' }>, 'runMs' | 'sync'> {
  // Of a call that has begun no 503 is answered, whoever refused what to the task: a balancer would have it run again.
  if (thrown instanceof AppError && thrown.status !== 503) {
    return {
      type: 'failed',
      code: thrown.code,
      detail: thrown.message,
      ...(thrown.issues && { issues: thrown.issues }),
      ...(thrown.cause !== undefined && { report: errorReport(thrown.cause) }),
    };
  }
  const seen = errorReport(thrown);
  if (seen.name === 'InputError') {
    const issues = [{ path: pathOf(thrown), message: seen.message }];
    return { type: 'failed', code: 'INVALID_INPUT', detail: 'The input cannot be computed.', issues };
  }
  return { type: 'failed', code: 'TASK_FAILED', detail: 'The task failed.', report: seen };
}

function pathOf(thrown: unknown): string {
  const path: unknown = typeof thrown === 'object' && thrown !== null && 'path' in thrown ? thrown.path : '';
  return typeof path === 'string' ? path : '';
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
