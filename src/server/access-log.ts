// Which exchanges get a line in the log, at which level, and what the line says.
import type { IncomingHttpHeaders } from 'node:http';
import type { Config } from '../config.js';
import type { AppError } from '../errors.js';
import type { Logger } from '../log.js';
import { traceIdOf } from './request/traceparent.js';

type Level = 'warn' | 'info' | 'debug';

export interface Exchanged {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly status: number;
  readonly durationMs: number | undefined;
  readonly requestId: string;
  readonly client: string;
  readonly headers: IncomingHttpHeaders;
}

export interface AccessLog {
  /** Undefined: it gets no line. */
  levelOf(status: number): Level | undefined;
  write(level: Level, exchanged: Exchanged): void;
  /** The one line of a failure. A fault of the server is told whatever the setting. */
  writeFailure(error: AppError, exchanged: Exchanged): void;
}

/** @param faults where faults of the server are told */
export function createAccessLog(setting: Config['accessLog'], log: Logger, faults = log): AccessLog {
  const usualLevel = setting === 'all' ? 'info' : 'debug';
  const logsUsual = setting !== 'off' && log.isLevelEnabled(usualLevel);
  return {
    levelOf(status) {
      if (isFailure(status) && setting !== 'off') return 'warn';
      return logsUsual ? usualLevel : undefined;
    },
    write(level, exchanged) {
      log[level](lineOf(exchanged), level === 'warn' ? 'request failed' : 'request');
    },
    writeFailure(error, exchanged) {
      const { code, toldCode, task, route, status, message } = error;
      const line = { code: toldCode, task, route, ...lineOf(exchanged) };
      // Why a call took too long no stack can tell.
      if (status === 500 || code === 'INTERNAL')
        faults.error({ ...line, err: error.cause ?? error }, message);
      else if (setting !== 'off') log.warn(line, message);
    },
  };
}

/** A refusal for load is none: metrics count it, and a line for each would be load of its own. */
export const isFailure = (status: number): boolean => status >= 500 && status !== 503;

function lineOf({ headers, durationMs, client, ...exchanged }: Exchanged): Record<string, unknown> {
  return {
    ...exchanged,
    durationMs: durationMs === undefined ? undefined : Math.round(durationMs * 1_000) / 1_000,
    traceId: traceIdOf(headers.traceparent),
    client,
  };
}
