// Which exchanges get a line in the log, at which level, and what the line says.
import type { IncomingHttpHeaders } from 'node:http';
import type { Config } from '../config.js';
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
}

export function createAccessLog(setting: Config['accessLog'], log: Logger): AccessLog {
  const usualLevel = setting === 'all' ? 'info' : 'debug';
  const logsUsual = setting !== 'off' && log.isLevelEnabled(usualLevel);
  return {
    levelOf(status) {
      // A refusal for load is no failure: metrics count it, and a line for each would be load of its own.
      if (status >= 500 && status !== 503 && setting !== 'off') return 'warn';
      return logsUsual ? usualLevel : undefined;
    },
    write(level, { headers, durationMs, client, ...exchanged }) {
      const line = {
        ...exchanged,
        durationMs: durationMs === undefined ? undefined : Math.round(durationMs * 1_000) / 1_000,
        traceId: traceIdOf(headers.traceparent),
        client,
      };
      log[level](line, level === 'warn' ? 'request failed' : 'request');
    },
  };
}
