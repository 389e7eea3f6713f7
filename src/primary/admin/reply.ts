// Answers of the admin server: whole bodies with their headers, and problems.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AppError } from '../../errors.js';
import { soundRequestId } from '../../http/sound-request-id.js';
import { jsonType } from '../../media-types.js';
import { problemHeaders, problemJson, problemType } from '../../problem.js';

/** Nothing from elsewhere, nothing inline, and nobody frames it: a click on "reload" is the operator's own. */
const securityHeaders = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

export interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

export function begin({ req, res }: Exchange): void {
  for (const [name, value] of Object.entries(securityHeaders)) res.setHeader(name, value);
  res.setHeader('X-Request-Id', soundRequestId(req.headers['x-request-id']) ?? randomUUID());
  res.setHeader('Cache-Control', 'no-store');
}

export function reply({ req, res }: Exchange, status: number, type: string, body: string | Buffer): void {
  res.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
  res.end(req.method === 'HEAD' ? undefined : body);
}

export function replyJson(exchange: Exchange, status: number, value: unknown): void {
  reply(exchange, status, jsonType, JSON.stringify(value));
}

export function replyProblem(exchange: Exchange, error: AppError): void {
  const { res } = exchange;
  for (const [name, value] of problemHeaders(error)) res.setHeader(name, value);
  reply(exchange, error.status, problemType, problemJson(error, String(res.getHeader('X-Request-Id'))));
}
