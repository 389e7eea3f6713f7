// The admin server in the primary: its limits, and the way of a request: sound HTTP → guard → path → method → answer.
// What is answered comes from admin.ts. It serves operators and scrapers, never users.
import type { Server } from 'node:http';
import { AppError, toAppError } from '../../errors.js';
import { expectation } from '../../http/expectation.js';
import { createHttpServer, type HttpLimits } from '../../http/http-server.js';
import { pathOf } from '../../http/request-target.js';
import { allowedMethods } from '../../http/strict-http.js';
import { hasBody } from '../../http/unread-body.js';
import type { Logger } from '../../log.js';
import type { Guard } from './guard.js';
import { begin, type Exchange, replyProblem } from './reply.js';

export interface Resource {
  readonly method: 'GET' | 'POST';
  /** May throw AppErrors. */
  answer(exchange: Exchange): void | Promise<void>;
  /** What else it has. */
  readonly delete?: (exchange: Exchange) => void | Promise<void>;
}

/** By path. */
export type Resources = ReadonlyMap<string, Resource>;

const limits: HttpLimits = {
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  keepAliveTimeoutMs: 30_000,
  sendTimeoutMs: 30_000,
  maxConnections: 256,
  maxRequestsPerSocket: 0,
};

/** What is refused before it is an exchange is a problem, never a page. */
const refusalHeaders = [
  ['Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'"],
  ['X-Content-Type-Options', 'nosniff'],
] as const;

/** An exchange that begins before `serveAdmin` waits without end: both happen in one turn of the event loop. */
export function createAdminServer(): Server {
  const http = createHttpServer({
    handler: (req, res) => void http.server.emit(exchangeEvent, { req, res } satisfies Exchange),
    limits,
    headers: refusalHeaders,
    isClosing: () => !http.server.listening,
  });
  http.server.once('close', () => http.dispose());
  return http.server;
}

const exchangeEvent = 'exchange';

export function serveAdmin(
  server: Server,
  find: (path: string) => Resource | undefined,
  guard: Guard,
  log: Logger,
): void {
  async function respond(exchange: Exchange): Promise<void> {
    const { req, res } = exchange;
    const path = pathOf(req.url ?? '/');
    const refusal = guard.refusal(path, req.headers);
    if (refusal !== undefined) throw new AppError('FORBIDDEN', refusal);
    const resource = find(path);
    // Of a star only OPTIONS comes here: it asks for the server as a whole (RFC 9110, 9.3.7).
    if (resource === undefined && path !== '*')
      throw new AppError('NOT_FOUND', `There is nothing at ${path}.`);
    const allow = allowedAt(resource);
    if (req.method === 'OPTIONS' || resource === undefined) {
      expectation(req);
      res.writeHead(204, { Allow: allow.join(', ') }).end();
      return;
    }
    if (req.method === undefined || !allow.includes(req.method)) {
      throw new AppError('METHOD_NOT_ALLOWED', `${path} is not for ${req.method}.`, { allow });
    }
    expectation(req);
    await (req.method === 'DELETE' ? resource.delete?.(exchange) : resource.answer(exchange));
  }

  server.on(exchangeEvent, (exchange: Exchange) => {
    const { req, res } = exchange;
    // No body means anything here. One that was announced ends the connection, so that nobody need read it.
    if (hasBody(req)) res.shouldKeepAlive = false;
    begin(exchange);
    respond(exchange).catch((thrown: unknown) => {
      const error = toAppError(thrown);
      if (error.code === 'INTERNAL') log.error({ err: error.cause }, 'the admin server met an error');
      if (res.headersSent) res.destroy();
      else replyProblem(exchange, error);
    });
  });
}

function allowedAt(resource: Resource | undefined): readonly string[] {
  if (resource === undefined) return allowedMethods;
  const methods = resource.method === 'GET' ? ['GET', 'HEAD'] : ['POST'];
  return [...methods, ...(resource.delete ? ['DELETE'] : []), 'OPTIONS'];
}
