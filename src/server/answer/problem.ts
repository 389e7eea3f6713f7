// Errors become answers: problems on the wire (src/problem.ts) and failures log lines.
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { AppError, toAppError } from '../../errors.js';
import { leaveUnanswered } from '../../http/connections.js';
import { leavesLongRest } from '../../http/unread-body.js';
import { CallCancelled } from '../../lane/call.js';
import { problemHeaders, problemJson, problemType } from '../../problem.js';
import { type AccessLog, isFailure } from '../access-log.js';
import type { RefusalRate } from '../refusal-rate.js';
import { exchanged } from '../request/arrival.js';
import { sendsElsewhere } from '../request/balancer.js';
import { ClientLeft } from '../request/body.js';
import { answer } from './answer.js';
import { errorOfLibrary, undecodablePath } from './library-error.js';
import { BrokenAnswer, breakOff } from './stream-answer.js';

/** The end of every route that did not answer: errors become problems, and failures become log lines. */
export function problemHandler(lines: AccessLog, rate: RefusalRate) {
  // Express knows an error handler by its four parameters.
  return (thrown: unknown, req: Request, res: Response, _next?: NextFunction): void => {
    // Nobody is left to tell.
    if (req.socket.destroyed) return;
    if (tellsOfLeaver(thrown, req)) {
      leaveUnanswered(res);
      return;
    }
    const error = errorOfLibrary(thrown) ?? toAppError(thrown);
    if (res.headersSent) {
      // Whatever it was, unless a stream broke: another answer has begun, which is now the server's fault.
      const fault =
        thrown instanceof BrokenAnswer
          ? thrown.error
          : new AppError('INTERNAL', afterHeaders(res), { cause: error.cause ?? error });
      tellFailure(lines, fault, req);
      req.exchange.brokenStatus = fault.status;
      // Only a cut connection shows the client that something is missing.
      if (!res.writableEnded) breakOff(res, !(thrown instanceof BrokenAnswer) || thrown.isCut);
      return;
    }
    tellFailure(lines, error, req);
    if (!isHeldBack(error, req)) sendProblem(req, res, error);
    else rate.inTurn(() => sendInTurn(req, res, error));
  };
}

/** Who is told to come back later, unless a balancer asks that will go elsewhere. */
function isHeldBack({ code }: AppError, req: Request): boolean {
  return code === 'QUOTA_EXCEEDED' || (code === 'OVERLOADED' && !sendsElsewhere(req));
}

const afterHeaders = ({ writableEnded }: Response): string =>
  writableEnded
    ? 'An error came after the whole answer had been given.'
    : 'An error came after the answer had begun: its connection was cut.';

/** What was asked for was given up because its client left, or ended its side. */
function tellsOfLeaver(thrown: unknown, req: Request): boolean {
  if (thrown instanceof ClientLeft || thrown instanceof CallCancelled) return true;
  // What an app's own call to a task rejects with.
  return req.socket.readableEnded && thrown instanceof DOMException && thrown.name === 'AbortError';
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

const ofAnotherBody = ['Content-Encoding', 'Content-Disposition', 'Content-Range', 'ETag', 'Last-Modified'];

function sendProblem(req: Request, res: Response, error: AppError): void {
  req.exchange.isOurs = true;
  // An app's route may have said what its own body would be.
  for (const name of ofAnotherBody) res.removeHeader(name);
  if (error.code === 'SHUTTING_DOWN' || error.code === 'BODY_TOO_LARGE' || leavesLongRest(req))
    res.setHeader('Connection', 'close');
  for (const [name, value] of problemHeaders(error)) res.setHeader(name, value);
  answer(res, error.status, problemType, problemJson(error, req.exchange.requestId));
}

function tellFailure(lines: AccessLog, error: AppError, req: Request): void {
  const { status } = error;
  if (!isFailure(status) || req.exchange.told) return;
  lines.writeFailure(error, exchanged(req, status, performance.now() - req.exchange.arrivedMs));
  req.exchange.told = true;
}
