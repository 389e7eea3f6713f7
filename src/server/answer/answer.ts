// Sends an answer that is there as a whole. Does what res.send does for us, without what we do not need of it
// (ETag, freshness, charset juggling): light routes are charged for every µs.
import type { Response } from 'express';
import { jsonType } from '../../media-types.js';
import { joinBody } from './stamped-head.js';

/** @param more further headers, name, value, name, value: handed over at once, three times as fast as one by one */
export function answer(
  res: Response,
  status: number,
  contentType: string,
  body: string | Uint8Array,
  more: readonly string[] = none,
): void {
  const length = Buffer.byteLength(body);
  if (isWatched(res)) {
    answerWatched(
      res,
      status,
      ['Content-Type', contentType, 'Content-Length', String(length), ...more],
      body,
    );
    return;
  }
  res.writeHead(status, ['Content-Type', contentType, 'Content-Length', String(length), ...more]);
  // ASCII goes with the head, as one string: given to `end` it is two chunks to Node, an empty one behind it, and the
  // system call for several costs 2 µs more.
  if (length === body.length && typeof body === 'string' && joinBody(res, body)) res.end();
  // Node sends no body to a HEAD, whatever it is given.
  else res.end(body);
}

const none: readonly string[] = [];

/** Middleware in front (compression, sessions) has put its own methods onto this answer, to see and change it. */
function isWatched(res: Response): boolean {
  return Object.hasOwn(res, 'end') || Object.hasOwn(res, 'writeHead') || Object.hasOwn(res, 'write');
}

function answerWatched(
  res: Response,
  status: number,
  headers: readonly string[],
  body: string | Uint8Array,
): void {
  res.statusCode = status;
  for (let i = 0; i < headers.length; i += 2) res.setHeader(String(headers[i]), String(headers[i + 1]));
  res.end(body);
}

export function answerJson(res: Response, status: number, value: unknown): void {
  answer(res, status, jsonType, JSON.stringify(value));
}
