// Lets pages of other origins read the answers (https://fetch.spec.whatwg.org/#http-cors-protocol). Only mounted where
// CORS_ORIGINS is set. A preflight goes on to its route, whose answer to OPTIONS is the 204 that a browser asks for.
import type { Request, Response } from 'express';
import type { ServerConfig } from '../../config.js';

const exposed =
  'X-Request-Id, Server-Timing, Retry-After, RateLimit, RateLimit-Policy, Location, Preference-Applied';
const allowedHeaders =
  'Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Prefer, Request-Timeout, X-Api-Key, X-Request-Id, traceparent, tracestate';
const allowedMethods = 'GET, HEAD, POST, DELETE';
/** How long a browser may remember a preflight. Chromium's own limit is two hours. */
const maxAgeSeconds = '7200';

export function cors(
  origins: NonNullable<ServerConfig['corsOrigins']>,
): (req: Request, res: Response) => void {
  const any = origins === '*';
  const allowed = new Set(any ? [] : origins);
  return (req, res) => {
    const { origin } = req.headers;
    // Also where the origin is not allowed: a cache must not give this answer to one that is.
    if (!any) res.vary('Origin');
    if (origin === undefined || !(any || allowed.has(origin))) return;
    res.setHeader('Access-Control-Allow-Origin', any ? '*' : origin);
    if (!any) res.setHeader('Access-Control-Allow-Credentials', 'true');
    if (req.method === 'OPTIONS' && req.headers['access-control-request-method'] !== undefined) {
      res.setHeader('Access-Control-Allow-Methods', allowedMethods);
      res.setHeader('Access-Control-Allow-Headers', allowedHeaders);
      res.setHeader('Access-Control-Max-Age', maxAgeSeconds);
    } else res.setHeader('Access-Control-Expose-Headers', exposed);
  };
}
