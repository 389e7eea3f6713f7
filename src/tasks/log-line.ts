// What a task logs, made harmless: plain data of a bounded size, whatever it was given. Nothing here throws, for a log
// line must not fail its call. Who writes it, and which fields are the server's own, is lane/task-log.ts.
import { types } from 'node:util';
import { errorReport } from './error-report.js';

export type LogFields = Readonly<Record<string, unknown>>;

const longestMessage = 8_192;
const longestFields = 32_768;

/** The message first, then its fields; or in pino's order, or an error alone. */
export function logLine(
  first: unknown,
  second: unknown,
): { readonly message: string; readonly fields: LogFields | undefined } {
  if (types.isNativeError(first)) {
    const said = typeof second === 'string';
    const err = errorReport(first);
    return {
      message: logMessage(said ? second : err.message),
      fields: logFields({ ...(said ? {} : logFields(second)), err }),
    };
  }
  if (typeof first === 'object' && first !== null && (second === undefined || typeof second === 'string')) {
    const fields = logFields(first);
    return { message: logMessage(second ?? messageOf(fields?.err) ?? ''), fields };
  }
  return {
    message: logMessage(first),
    fields: logFields(types.isNativeError(second) ? { err: second } : second),
  };
}

function messageOf(err: unknown): unknown {
  return typeof err === 'object' && err !== null && 'message' in err ? err.message : undefined;
}

function logMessage(message: unknown): string {
  try {
    const text = String(message);
    return text.length > longestMessage ? `${text.slice(0, longestMessage)}…` : text;
  } catch {
    return 'a message that cannot be read';
  }
}

/** As JSON has them, errors and big integers too. */
function logFields(fields: unknown): LogFields | undefined {
  if (fields === undefined || fields === null) return undefined;
  try {
    const json = JSON.stringify(fields, (_key, value: unknown) => readable(value));
    if (json === undefined) return { fields: 'cannot be serialised' };
    if (json.length > longestFields) return { fields: `too large to be logged: ${json.length} characters` };
    const plain: unknown = JSON.parse(json);
    return typeof plain === 'object' && plain !== null && !Array.isArray(plain)
      ? { ...plain }
      : { value: plain };
  } catch {
    return { fields: 'cannot be serialised' };
  }
}

function readable(value: unknown): unknown {
  if (value instanceof Error) return errorReport(value);
  return typeof value === 'bigint' ? String(value) : value;
}
