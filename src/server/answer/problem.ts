// Errors become answers: problems on the wire (problem-json.ts) and failures log lines.
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { AppError, toAppError } from '../../errors.js';
import { leavesLongRest } from '../../http/unread-body.js';
import { problemJson, problemType } from '../../problem-json.js';
import { type AccessLog, isFailure } from '../access-log.js';
import type { RefusalPace } from '../refusal-pace.js';
import { exchanged } from '../request/arrival.js';
import { ClientLeft } from '../request/body.js';
import { answer } from './answer.js';
import { refusalOfLibrary, undecodablePath } from './library-error.js';

/** The end of every route that did not answer: errors become problems, and failures become log lines. */
export function problemHandler(lines: AccessLog, pace: RefusalPace) {
  // Express knows an error handler by its four parameters.
  return (thrown: unknown, req: Request, res: Response, _next?: NextFunction): void => {
    // Nobody is left to tell, or too much was told already: the latter is a fault that only a cut connection can show.
    if (thrown instanceof ClientLeft || req.socket.destroyed) return;
    const error = refusalOfLibrary(thrown) ?? toAppError(thrown);
    tellFailure(lines, error, req);
    if (res.headersSent) {
      res.destroy();
      return;
    }
    if (error.code !== 'OVERLOADED' && error.code !== 'QUOTA_EXCEEDED') sendProblem(req, res, error);
    else pace.inTurn(() => sendInTurn(req, res, error));
  };
}

/** While it waited the client may have left, or been told that the server stops. */
function sendInTurn(req: Request, res: Response, error: AppError): void {
  if (!req.socket.destroyed && !res.headersSent) sendProblem(req, res, error);
}

export const notFound: RequestHandler = (req) => {
  throw nothingAt(req);
};

export function nothingAt({ path }: Request): AppError {
  try {
    decodeURIComponent(path);
  } catch (cause) {
    return undecodablePath(cause);
  }
  return new AppError('NOT_FOUND', `There is nothing at ${path}.`);
}

function sendProblem(req: Request, res: Response, error: AppError): void {
  res.setHeader('Cache-Control', 'no-store');
  if (error.allow) res.setHeader('Allow', error.allow.join(', '));
  if (error.retryAfterSeconds !== undefined) res.setHeader('Retry-After', String(error.retryAfterSeconds));
  if (error.code === 'SHUTTING_DOWN' || error.code === 'BODY_TOO_LARGE' || leavesLongRest(req))
    res.setHeader('Connection', 'close');
  for (const [name, value] of Object.entries(error.headers ?? {})) res.setHeader(name, value);
  answer(res, error.status, problemType, problemJson(error, req.exchange.requestId));
}

function tellFailure(lines: AccessLog, error: AppError, req: Request): void {
  const { status } = error;
  if (!isFailure(status)) return;
  lines.writeFailure(error, exchanged(req, status, performance.now() - req.exchange.arrivedMs));
  req.exchange.told = true;
}
