// Requests that no handler sees, because the HTTP layer answers them: counted and logged like the others.
import type { Config } from '../config.js';
import type { UnhandledRequest } from '../http/protocol-errors.js';
import { pathOf } from '../http/request-target.js';
import type { Logger } from '../log.js';
import { createAccessLog } from './access-log.js';
import type { OnAnswer } from './request/arrival.js';
import { addressClient } from './request/client.js';

interface UnhandledDeps {
  readonly accessLog: Config['accessLog'];
  readonly log: Logger;
  readonly onAnswer: OnAnswer;
}

export function logUnhandled({
  accessLog,
  log,
  onAnswer,
}: UnhandledDeps): (request: UnhandledRequest) => void {
  const lines = createAccessLog(accessLog, log);
  return ({ status, requestId, socket, req }) => {
    onAnswer(req?.method ?? 'other', 'unmatched', status, 0);
    const level = lines.levelOf(status);
    if (level === undefined) return;
    lines.write(level, {
      method: req?.method,
      // Another target than a path may have a password in it.
      path: req?.url?.startsWith('/') ? pathOf(req.url) : undefined,
      status,
      durationMs: undefined,
      requestId,
      client: addressClient(socket.remoteAddress) ?? 'unknown',
      headers: req?.headers ?? {},
    });
  };
}
