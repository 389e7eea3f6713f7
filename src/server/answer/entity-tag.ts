// Tags by which a client asks whether it has an answer already (RFC 9110, 8.8.3), and what it is told then.
import { hash } from 'node:crypto';
import type { Response } from 'express';

export function entityTag(body: string | Uint8Array): string {
  return `"${hash('sha256', body, 'base64url')}"`;
}

/** With the tag that was set before. */
export function answerNotModified(res: Response): void {
  res.statusCode = 304;
  res.end();
}
