// The one logger: pino, JSON lines, pretty where stdout is a terminal.
import { type Logger, pino, stdTimeFunctions } from 'pino';

export type { Logger } from 'pino';

/** Loaded where somebody looks on: in production it would only make each process's start longer. */
const pretty = process.stdout.isTTY ? (await import('pino-pretty')).build : undefined;

/**
 * @param level a pino level or `silent`
 * @param bindings fields of every line, such as `{ process: 'primary' }`
 */
export function createLogger(level: string, bindings: Record<string, unknown>): Logger {
  const options = { level, base: bindings, timestamp: stdTimeFunctions.isoTime };
  // Not pino's own destination: where the reader of our output has left, its last flush tries for ever (sonic-boom 4.2).
  if (pretty === undefined) return pino(options, process.stdout);
  const stream = pretty({ ignore: 'process', singleLine: true, sync: true });
  // A terminal that was closed must not take the server down before it has drained.
  stream.on('error', () => {});
  return pino(options, stream);
}
