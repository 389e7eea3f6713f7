// The one logger: pino, JSON lines, pretty where stdout is a terminal.
import { type Logger, pino, stdTimeFunctions } from 'pino';

export type { Logger } from 'pino';

/**
 * @param level a pino level or `silent`
 * @param bindings fields of every line, such as `{ process: 'primary' }`
 */
export function createLogger(level: string, bindings: Record<string, unknown>): Logger {
  const options = { level, base: bindings, timestamp: stdTimeFunctions.isoTime };
  if (!process.stdout.isTTY) return pino(options);
  return pino({
    ...options,
    transport: { target: 'pino-pretty', options: { ignore: 'pid,process', sync: true } },
  });
}
