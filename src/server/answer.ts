// Sends an answer that is there as a whole. Does what res.send does for us, without what we do not need of it
// (ETag, freshness, charset juggling): light routes are charged for every µs.
import type { Response } from 'express';
import { jsonType } from '../lane/result.js';

export function answer(res: Response, status: number, contentType: string, body: string | Uint8Array): void {
  res.statusCode = status;
  res.setHeader('Content-Type', contentType);
  res.setHeader('Content-Length', Buffer.byteLength(body));
  // Node sends no body to a HEAD, whatever it is given.
  res.end(body);
}

export function answerJson(res: Response, status: number, value: unknown): void {
  answer(res, status, jsonType, JSON.stringify(value));
}
