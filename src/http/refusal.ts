// Refuses in place of the handler: what is no sound HTTP never reaches it. On an answer that Node has made for a
// request, or, where no request came of what was sent, straight on the socket.
import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { AppError } from '../errors.js';
import { problemHeaders, problemJson, problemType } from '../problem.js';
import type { Answer } from './connections.js';
import { soundRequestId } from './sound-request-id.js';

declare module 'node:http' {
  interface ServerResponse {
    /** The X-Request-Id of the answer, once it is known. */
    requestId?: string;
  }
}

type Headers = readonly (readonly [name: string, value: string])[];

/**
 * Answers in place of the handler, in the request's turn; the connection ends with it.
 * @param headers beside those of a refusal
 * @returns its request id
 */
export function answerRefusal(res: Answer, refusal: AppError, headers: Headers = []): string {
  const requestId = res.requestId ?? soundRequestId(res.req.headers['x-request-id']) ?? randomUUID();
  const body = problemJson(refusal, requestId);
  res.shouldKeepAlive = false;
  for (const [name, value] of [...headers, ...fieldsOf(refusal, requestId, body)]) res.setHeader(name, value);
  res.writeHead(refusal.status);
  res.end(body);
  return requestId;
}

/** A whole HTTP answer that ends the connection. */
export function rawRefusal(
  refusal: AppError,
  headers: Headers = [],
): { readonly requestId: string; readonly text: string } {
  const requestId = randomUUID();
  const body = problemJson(refusal, requestId);
  const lines = [
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}`,
    `Date: ${new Date().toUTCString()}`,
    ...[...headers, ...fieldsOf(refusal, requestId, body)].map(([name, value]) => `${name}: ${value}`),
    'Connection: close',
  ];
  return { requestId, text: `${lines.join('\r\n')}\r\n\r\n${body}` };
}

function fieldsOf(refusal: AppError, requestId: string, body: string): [name: string, value: string][] {
  return [
    ['Content-Type', problemType],
    ['Content-Length', String(Buffer.byteLength(body))],
    ['X-Request-Id', requestId],
    ...problemHeaders(refusal),
  ];
}
