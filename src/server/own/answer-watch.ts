// Answers for handlers of a team's own app that do not: a request which nobody answers would hold its client, its
// connection and a drain for ever. What has begun its answer (a stream, server-sent events) and what was upgraded has all
// the time it wants. Looked for a few times a second among what is open: a request of its own costs nothing for it.
import type { Request, Response } from 'express';
import { monotonicMs } from '../../clock.js';
import { AppError } from '../../errors.js';
import type { Answer, Connection } from '../../http/connections.js';
import { routeOf } from '../request/arrival.js';
import { deadlineOf } from '../request/deadline.js';

const lookEveryMs = 250;

export interface AnswerWatchDeps {
  readonly connections: Iterable<Connection>;
  /** See answerLimitMs. */
  readonly limitMs: number | undefined;
  readonly tell: (error: AppError, req: Request, res: Response) => void;
}

/** Returns what ends it. */
export function watchAnswers({
  connections,
  limitMs = Number.POSITIVE_INFINITY,
  tell,
}: AnswerWatchDeps): () => void {
  function look(): void {
    for (const connection of connections) {
      // Most are idle.
      if (connection.lastDue === undefined) continue;
      for (const answer of connection.due()) if (isOverdue(answer, limitMs)) give(answer as Response);
    }
  }

  function give(res: Response): void {
    const error = new AppError('DEADLINE_EXCEEDED', 'The deadline passed before the handler answered.');
    error.route = routeOf(res.req);
    tell(error, res.req, res);
    silence(res);
  }

  const timer = setInterval(look, lookEveryMs).unref();
  return () => clearInterval(timer);
}

/** By the caller's `Request-Timeout`, or the limit of all. */
function isOverdue(answer: Answer, limitMs: number): boolean {
  if (answer.headersSent || answer.writableEnded) return false;
  // What was refused before it came to the app has none.
  const { exchange } = answer.req as Request;
  if (exchange === undefined || exchange.isOurs) return false;
  const ageMs = performance.now() - exchange.arrivedMs;
  return ageMs >= limitMs || monotonicMs() >= callersDeadlineMs(answer.req as Request);
}

/** A header that is no deadline is the app's own affair. */
function callersDeadlineMs(req: Request): number {
  try {
    return deadlineOf(req) ?? Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/**
 * The handler may answer after all. From a callback Node's errors of that (headers sent, write after end) would be nobody's,
 * and end the process: for this answer nothing happens any more.
 */
function silence(res: Response): void {
  const same = () => res;
  Object.assign(res, {
    setHeader: same,
    appendHeader: same,
    setHeaders: same,
    removeHeader: () => undefined,
    writeHead: same,
    flushHeaders: () => undefined,
    write: () => true,
    end: same,
  });
}
