// What the answers of tasks that share their runs carry, and whether the client has such an answer already (RFC 9110, 13.1.2).
import { hash } from 'node:crypto';
import type { Request, Response } from 'express';
import type { CallResult } from '../../lane/call.js';
import type { TaskDefinition } from '../../task.js';

/**
 * Says ETag and Cache-Control, but for what the task's reply says itself.
 * @returns whether the client has it: 304
 */
export function tagShared(
  { share }: TaskDefinition,
  { head, body }: CallResult,
  req: Request,
  res: Response,
): boolean {
  if (!share || (head !== undefined && head.status !== 200)) return false;
  const said = (head?.headers ?? []).map((text, i) => (i % 2 === 0 ? text.toLowerCase() : ''));
  if (!said.includes('cache-control')) res.setHeader('Cache-Control', cacheControlOf(share));
  if (said.includes('etag')) return false;
  res.setHeader('ETag', `"${hash('sha256', body, 'base64url')}"`);
  // By If-None-Match, of GET and HEAD alone; false where the client wants it anew.
  return req.fresh;
}

function cacheControlOf(share: NonNullable<TaskDefinition['share']>): string {
  if (typeof share === 'boolean') return 'private, no-cache';
  return share.cacheControl ?? `private, max-age=${Math.floor(share.ttlMs / 1_000)}`;
}
