// The first middleware: gives a request its exchange and the answer its constant headers, and sees the exchange end,
// however it ends. On every request's way: shared functions and constants only.
import type { RequestHandler, Response } from 'express';
import type { Config } from '../config.js';
import type { Logger } from '../log.js';
import { clientOf } from './client.js';
import { requestIds } from './request-id.js';
import { securityHeaders } from './security-headers.js';
import { traceIdOf } from './traceparent.js';

/** Told once per exchange. `status` is 499 where the client left before its answer did. */
export type OnAnswer = (method: string, route: string, status: number, seconds: number) => void;

const clientLeftStatus = 499;

export interface ArrivalDeps {
  readonly accessLog: Config['accessLog'];
  readonly log: Logger;
  readonly onAnswer: OnAnswer | undefined;
}

export function arrival({ accessLog, log, onAnswer }: ArrivalDeps): RequestHandler {
  const requestIdOf = requestIds();
  const headers = securityHeaders();

  function ended(this: Response): void {
    const { req } = this;
    const { exchange } = req;
    const left = !this.writableFinished && exchange.answeredMs === undefined;
    const status = left ? clientLeftStatus : this.statusCode;
    const durationMs = (exchange.answeredMs ?? performance.now()) - exchange.arrivedMs;
    onAnswer?.(req.method, routeOf(req), status, durationMs / 1_000);
    if (accessLog === 'off') return;
    // A refusal for load is no failure: metrics count it, and a line for each would be load of its own.
    const failed = status >= 500 && status !== 503;
    if (failed || accessLog === 'all') writeLine(this, status, durationMs);
  }

  function writeLine({ req }: Response, status: number, durationMs: number): void {
    const line = {
      method: req.method,
      path: req.path,
      status,
      durationMs: Math.round(durationMs * 1_000) / 1_000,
      requestId: req.exchange.requestId,
      traceId: traceIdOf(req.headers.traceparent),
      client: clientOf(req),
    };
    if (status >= 500) log.warn(line, 'request failed');
    else log.info(line, 'request');
  }

  return (req, res, next) => {
    const requestId = requestIdOf(req.headers['x-request-id']);
    req.exchange = {
      requestId,
      arrivedMs: performance.now(),
      keyName: undefined,
      address: undefined,
      answeredMs: undefined,
    };
    res.setHeader('X-Request-Id', requestId);
    for (const [name, value] of headers) res.setHeader(name, value);
    res.on('close', ended);
    next();
  };
}

/** The pattern of the route that took the request: labels of a metric must be few. */
function routeOf({ route }: { route?: { path?: unknown } }): string {
  return typeof route?.path === 'string' ? route.path : 'unmatched';
}
