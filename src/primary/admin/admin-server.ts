// The admin server: node:http in the primary, its limits, and the way of a request: guard → path → method → answer.
// What is answered comes from routes.ts. It serves operators and scrapers, never users.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { AppError, toAppError } from '../../errors.js';
import type { Logger } from '../../log.js';
import type { Guard } from './guard.js';
import { begin, type Exchange, replyProblem } from './reply.js';

export interface Resource {
  readonly method: 'GET' | 'POST';
  /** May throw AppErrors. */
  answer(exchange: Exchange): void | Promise<void>;
}

/** By path. */
export type Resources = ReadonlyMap<string, Resource>;

const limits = {
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 8_192,
};
const maxConnections = 256;

export function createAdminServer(): Server {
  const server = createServer(limits);
  server.maxConnections = maxConnections;
  return server;
}

export function serveAdmin(server: Server, resources: Resources, guard: Guard, log: Logger): void {
  async function respond(exchange: Exchange): Promise<void> {
    const { req, res } = exchange;
    const path = pathOf(req);
    const refusal = guard.refusal(path, req.headers);
    if (refusal !== undefined) throw new AppError('FORBIDDEN', refusal);
    const resource = resources.get(path);
    if (resource === undefined) throw new AppError('NOT_FOUND', `There is nothing at ${path}.`);
    const allow = resource.method === 'GET' ? ['GET', 'HEAD', 'OPTIONS'] : ['POST', 'OPTIONS'];
    if (req.method === 'OPTIONS') {
      res.writeHead(204, { Allow: allow.join(', ') }).end();
      return;
    }
    if (req.method === undefined || !allow.includes(req.method)) {
      throw new AppError('METHOD_NOT_ALLOWED', `${path} is not for ${req.method}.`, { allow });
    }
    await resource.answer(exchange);
  }

  server.on('request', (req: IncomingMessage, res: ServerResponse) => {
    const exchange = { req, res };
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

function pathOf({ url = '/' }: IncomingMessage): string {
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
