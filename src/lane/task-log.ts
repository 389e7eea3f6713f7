// The log lines of tasks, with their call's request id, whichever lane they come from.
import type { Logger } from '../log.js';
import { type CallLog, createCallLog, type LogLevel } from '../tasks/call-log.js';
import type { LogFields } from '../tasks/log-line.js';
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
  aside: (act: () => void) => void,
): CallLog {
  const write = writer(log, task, origin);
  return createCallLog((level, message, fields) => aside(() => write(level, message, fields)));
}

/**
 * What the server says of a line, in every line; and `socket`, for pino takes fields with `method`, `headers` and
 * `socket` for a request and writes nothing else.
 */
const reserved: ReadonlySet<string> = new Set([
  ...['level', 'time', 'pid', 'hostname', 'process', 'msg'],
  ...['task', 'requestId', 'traceId'],
  'socket',
]);

/** A task's own field of such a name is written with `_` behind it. */
function own(fields: LogFields | undefined): LogFields | undefined {
  if (fields === undefined) return undefined;
  const names = Object.keys(fields);
  if (!names.some((name) => reserved.has(name))) return fields;
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [reserved.has(name) ? `${name}_` : name, value]),
  );
}

/** pino names an error by its constructor, which for the plain report of one (error-report.ts) is `Object`. */
function namedError(fields: LogFields | undefined): LogFields | undefined {
  const { err } = fields ?? {};
  return isReport(err) ? { ...fields, err: named(err) } : fields;
}

function named(report: object): object {
  const copy: object = Object.assign(Object.create(null), report);
  const errors: unknown = Reflect.get(copy, 'errors');
  // pino writes them by itself; it would write what it can enumerate once more.
  if (Array.isArray(errors)) {
    const value = errors.map((one: unknown) => (isReport(one) ? named(one) : one));
    Object.defineProperty(copy, 'errors', { value, enumerable: false });
  }
  return copy;
}

function isReport(value: unknown): value is object {
  return typeof value === 'object' && value !== null && 'message' in value;
}

function writer(log: Logger, task: Task | undefined, { requestId, traceId }: Origin) {
  return (level: LogLevel, message: string, fields: LogFields | undefined): void =>
    log[level]({ ...namedError(own(fields)), task: task?.name, requestId, traceId }, message);
}
