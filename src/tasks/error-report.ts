// What was thrown, whatever it is, as plain text: for the log, and for the line about a task file.
import type { ErrorReport } from './reply.js';

/** A getter that throws itself must not take the thread, or the boot, with it. */
export function errorReport(thrown: unknown, depth = 0): ErrorReport {
  try {
    if (typeof thrown !== 'object' || thrown === null)
      return { name: typeof thrown, message: String(thrown) };
    const name = 'name' in thrown ? String(thrown.name) : 'Error';
    const message = 'message' in thrown ? String(thrown.message) : '';
    const stack = 'stack' in thrown && typeof thrown.stack === 'string' ? { stack: thrown.stack } : {};
    const cause = 'cause' in thrown && depth < 3 ? { cause: errorReport(thrown.cause, depth + 1) } : {};
    return { name, message, ...stack, ...cause };
  } catch {
    return { name: 'Error', message: 'what was thrown cannot be read' };
  }
}

/** In a few words. */
export function reasonOf(thrown: unknown): string {
  const { name, message } = errorReport(thrown);
  return message || name;
}
