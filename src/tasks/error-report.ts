// What was thrown, whatever it is, as plain text: for the log, and for the line about a task file; and an
// error of it again.

/** What went wrong, as a message to another thread has it. */
export interface ErrorReport {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  /** Such as `ENOENT`. */
  readonly code?: string | number;
  readonly cause?: ErrorReport;
  /** Of an AggregateError, the first ones. */
  readonly errors?: readonly ErrorReport[];
}

/** So deep causes and errors of errors are told, and so many of one. */
const deepest = 3;
const mostErrors = 10;

/** A getter that throws itself must not take the thread, or the boot, with it. */
export function errorReport(thrown: unknown, depth = 0): ErrorReport {
  try {
    if (typeof thrown !== 'object' || thrown === null)
      return { name: typeof thrown, message: String(thrown) };
    const name = 'name' in thrown ? String(thrown.name) : 'Error';
    const message = 'message' in thrown ? String(thrown.message) : '';
    const stack = 'stack' in thrown && typeof thrown.stack === 'string' ? { stack: thrown.stack } : {};
    const code = 'code' in thrown && isCode(thrown.code) ? { code: thrown.code } : {};
    if (depth >= deepest) return { name, message, ...stack, ...code };
    const inner = (one: unknown): ErrorReport => errorReport(one, depth + 1);
    const cause = 'cause' in thrown ? { cause: inner(thrown.cause) } : {};
    const several: unknown = 'errors' in thrown ? thrown.errors : undefined;
    const errors = Array.isArray(several) ? { errors: several.slice(0, mostErrors).map(inner) } : {};
    return { name, message, ...stack, ...code, ...cause, ...errors };
  } catch {
    return { name: 'Error', message: 'what was thrown cannot be read' };
  }
}

function isCode(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number';
}

/** An error again, of what a thread reported. */
export function reportedError({ name, message, stack, code, cause, errors }: ErrorReport): Error {
  const error = new Error(message, cause && { cause: reportedError(cause) });
  Object.defineProperties(error, {
    name: { value: name },
    stack: { value: stack ?? '' },
    // pino takes its name for the type of the error, if there is one: it would be `Error` for all.
    constructor: { value: undefined },
    ...(errors && { errors: { value: errors.map(reportedError) } }),
  });
  return code === undefined ? error : Object.assign(error, { code });
}

/** In a few words. */
export function reasonOf(thrown: unknown): string {
  const { name, message } = errorReport(thrown);
  return message || name;
}
