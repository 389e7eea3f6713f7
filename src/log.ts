// The one logger: pino, JSON lines, pretty where stdout is a terminal.
import { type Logger, pino, stdTimeFunctions } from 'pino';
import { build as pretty } from 'pino-pretty';

export type { Logger } from 'pino';

/**
 * @param level a pino level or `silent`
 * @param bindings fields of every line, such as `{ process: 'primary' }`
 */
export function createLogger(level: string, bindings: Record<string, unknown>): Logger {
  const options = { level, base: bindings, timestamp: stdTimeFunctions.isoTime };
  if (!process.stdout.isTTY) return pino(options);
  const stream = pretty({ ignore: 'process', singleLine: true, sync: true });
  // A terminal that was closed must not take the server down before it has drained.
  stream.on('error', () => {});
  return pino(options, stream);
}
