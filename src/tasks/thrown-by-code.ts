// What the own code of a task or an app has thrown, where that is why its file cannot be served: its stack says where, which
// the one line about the file does not.
import { AppFileError } from './app-file.js';
import { TaskFileError } from './registry.js';

/** Undefined where it is another fault, or Node itself refuses the file: then the line says it all. */
export function thrownByCode(fault: unknown): unknown {
  if (!(fault instanceof TaskFileError || fault instanceof AppFileError)) return undefined;
  const { cause } = fault;
  const isNodes =
    cause instanceof SyntaxError ||
    (cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND');
  return isNodes ? undefined : cause;
}
