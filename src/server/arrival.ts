// The first middleware: gives a request its exchange and its id, and sees the exchange end, however it ends. On every
// request's way: shared functions and constants only.
import type { Request, RequestHandler, Response } from 'express';
import type { Config } from '../config.js';
import type { Logger } from '../log.js';
import { clientOf } from './client.js';
import type { Exchange } from './exchange.js';
import { requestIds } from './request-id.js';
import { traceIdOf } from './traceparent.js';

/** Told once per exchange. `status` is 499 where the client left before its answer did. */
export type OnAnswer = (method: string, route: string, status: number, seconds: number) => void;

const clientLeftStatus = 499;

export interface ArrivalDeps {
  readonly accessLog: Config['accessLog'];
  readonly log: Logger;
  readonly onAnswer: OnAnswer | undefined;
  /** Sees every request. A function here costs a call, a middleware of its own a µs. */
  readonly onRequest: ((req: Request) => void) | undefined;
}

export function arrival({ accessLog, log, onAnswer, onRequest }: ArrivalDeps): RequestHandler {
  const requestIdOf = requestIds();
  const usualLevel = accessLog === 'all' ? 'info' : 'debug';
  const logsUsual = accessLog !== 'off' && log.isLevelEnabled(usualLevel);

  function ended(this: Response): void {
    const { req } = this;
    const { exchange } = req;
    const status = this.writableFinished ? this.statusCode : clientLeftStatus;
    const durationMs = performance.now() - exchange.arrivedMs;
    onAnswer?.(req.method, routeOf(req), status, durationMs / 1_000);
    // A refusal for load is no failure: metrics count it, and a line for each would be load of its own.
    const failed = status >= 500 && status !== 503;
    if (failed && accessLog !== 'off') writeLine(this, 'warn', status, durationMs);
    else if (logsUsual) writeLine(this, usualLevel, status, durationMs);
  }

  function writeLine(
    { req }: Response,
    level: 'warn' | typeof usualLevel,
    status: number,
    durationMs: number,
  ): void {
    const line = {
      method: req.method,
      path: req.path,
      status,
      durationMs: Math.round(durationMs * 1_000) / 1_000,
      requestId: req.exchange.requestId,
      traceId: traceIdOf(req.headers.traceparent),
      client: clientOf(req),
    };
    log[level](line, level === 'warn' ? 'request failed' : 'request');
  }

  return (req, res, next) => {
    const requestId = requestIdOf(req.headers['x-request-id']);
    req.exchange = {
      requestId,
      arrivedMs: performance.now(),
      route: undefined,
      keyName: undefined,
      address: undefined,
    };
    res.requestId = requestId;
    res.on('close', ended);
    onRequest?.(req);
    next();
  };
}

/** The path or pattern that took the request: labels of a metric must be few. */
function routeOf({ exchange, route }: { exchange: Exchange; route?: { path?: unknown } }): string {
  return exchange.route ?? (typeof route?.path === 'string' ? route.path : 'unmatched');
}
