// Refuses in place of the handler: what is no sound HTTP never reaches it. On an answer that Node has made for a
// request, or, where no request came of what was sent, straight on the socket.
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { AppError } from '../errors.js';
import { problemJson, problemType } from '../problem-json.js';
import type { Answer } from './connections.js';
import { soundRequestId } from './request-id.js';

/** Answers in place of the handler, in the request's turn; the connection ends with it. */
export function answerRefusal(res: Answer, refusal: AppError): void {
  const requestId = res.requestId ?? soundRequestId(res.req.headers['x-request-id']) ?? randomUUID();
  const body = problemJson(refusal, requestId);
  res.shouldKeepAlive = false;
  if (refusal.allow !== undefined) res.setHeader('Allow', refusal.allow.join(', '));
  res.setHeader('X-Request-Id', requestId);
  res.setHeader('Cache-Control', 'no-store');
  res.writeHead(refusal.status, {
    'Content-Type': problemType,
    'Content-Length': Buffer.byteLength(body),
  });
  res.end(body);
}

/** A whole HTTP answer that ends the connection. */
export function rawRefusal(refusal: AppError): string {
  const requestId = randomUUID();
  const body = problemJson(refusal, requestId);
  const lines = [
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}`,
    `Date: ${new Date().toUTCString()}`,
    `Content-Type: ${problemType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    'Cache-Control: no-store',
    'Connection: close',
  ];
  if (refusal.allow !== undefined) lines.push(`Allow: ${refusal.allow.join(', ')}`);
  if (refusal.retryAfterSeconds !== undefined) lines.push(`Retry-After: ${refusal.retryAfterSeconds}`);
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}
