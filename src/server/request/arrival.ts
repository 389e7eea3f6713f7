// What is done first with every request: gives it its exchange and its id, and sees the exchange end, however it ends.
// Shared functions and constants only.
import type { Request, Response } from 'express';
import type { AccessLog, Exchanged } from '../access-log.js';
import { createExchange } from '../exchange.js';
import { clientOf } from './client.js';
import { mountedRoute } from './mounted-route.js';
import { requestIds } from './request-id.js';

/** Told once per exchange. `status` is 499 where the client left before its answer did; where that broke, its error's. */
export type OnAnswer = (method: string, route: string, status: number, seconds: number) => void;

const clientLeftStatus = 499;

export interface ArrivalDeps {
  readonly lines: AccessLog;
  readonly onAnswer: OnAnswer | undefined;
}

export function arrival({ lines, onAnswer }: ArrivalDeps): (req: Request, res: Response) => void {
  const requestIdOf = requestIds();

  function ended(this: Response): void {
    const { req } = this;
    const { exchange } = req;
    const status = this.writableFinished ? this.statusCode : (exchange.brokenStatus ?? clientLeftStatus);
    const durationMs = performance.now() - exchange.arrivedMs;
    onAnswer?.(req.method, routeOf(req), status, durationMs / 1_000);
    const level = exchange.told ? undefined : lines.levelOf(status);
    if (level !== undefined) lines.write(level, exchanged(req, status, durationMs));
  }

  return (req, res) => {
    const requestId = requestIdOf(req.headers['x-request-id']);
    req.exchange = createExchange(requestId);
    res.requestId = requestId;
    res.on('close', ended);
  };
}

/** A request as the log tells of it. */
export function exchanged(req: Request, status: number, durationMs: number): Exchanged {
  const { method, headers, exchange } = req;
  return {
    method,
    path: pathOf(req),
    status,
    durationMs,
    requestId: exchange.requestId,
    client: clientOf(req),
    headers,
  };
}

/** What was asked for: routers that are mounted cut their own part from the front of `url`. */
function pathOf({ originalUrl, url }: Request): string {
  const target = originalUrl ?? url;
  const queryAt = target.indexOf('?');
  return queryAt < 0 ? target : target.slice(0, queryAt);
}

/** The path or pattern that took the request: labels of a metric must be few. */
export function routeOf(req: Request): string {
  const { exchange, route, baseUrl } = req;
  if (exchange.route !== undefined) return exchange.route;
  if (route === undefined) return 'unmatched';
  // A route of an app that is not mounted in another needs no search.
  return baseUrl === '' && typeof route.path === 'string' ? route.path : mountedRoute(req);
}
