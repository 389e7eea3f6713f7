// What a user reads who asked for something that cannot be done: one line on stderr, and an exit code.
import { ConfigError } from '../config.js';
import { type ExitCode, exitCodes } from '../primary/exit-codes.js';

/** A command could not do its work, though nothing is wrong with the settings: one line. Ends with 1. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** @throws what is a fault of ours */
export function failed(error: unknown): ExitCode {
  if (error instanceof CommandError) {
    complain(error.message);
    return exitCodes.forced;
  }
  if (error instanceof ConfigError) {
    complain(error.message);
    return exitCodes.unusable;
  }
  throw error;
}

export function complain(line: string): void {
  process.stderr.write(`millrace: ${line.replaceAll(/\s*\n\s*/g, ' ')}\n`);
}
