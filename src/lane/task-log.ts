// The log lines of tasks, with their call's request id, whichever lane they come from.
import type { Logger } from '../log.js';
import type { TaskLog } from '../task.js';
import type { Task } from '../tasks/registry.js';
import type { ThreadLogLine } from '../thread/protocol.js';
import type { CallOptions } from './call.js';

/** The request that a call belongs to. */
type Origin = Pick<CallOptions, 'requestId' | 'traceId'> | Pick<ThreadLogLine, 'requestId' | 'traceId'>;

/** Writes a line that a thread has posted. */
export function logTaskLine(log: Logger, tasks: readonly Task[], line: ThreadLogLine): void {
  writer(log, tasks[line.task ?? -1], line)(line.level, line.message, line.fields);
}

/** The log of a call that runs on the event loop. */
export function createTaskLog(
  log: Logger,
  task: Task,
  origin: Origin,
  aside: (act: () => void) => void = (act) => act(),
): TaskLog {
  const write = writer(log, task, origin);
  const line: typeof write = (...given) => aside(() => write(...given));
  return {
    debug: (message, fields) => line('debug', message, fields),
    info: (message, fields) => line('info', message, fields),
    warn: (message, fields) => line('warn', message, fields),
    error: (message, fields) => line('error', message, fields),
  };
}

function writer(log: Logger, task: Task | undefined, { requestId, traceId }: Origin) {
  return (level: ThreadLogLine['level'], message: string, fields?: ThreadLogLine['fields']): void =>
    log[level]({ ...fields, task: task?.name, requestId, traceId }, message);
}
