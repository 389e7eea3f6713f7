// What the answers of tasks that share their runs carry, and whether the client has such an answer already (RFC 9110, 13.1.2).
import type { Request, Response } from 'express';
import type { CallResult } from '../../lane/call.js';
import type { TaskDefinition } from '../../task.js';
import { replySays } from '../../tasks/reply-head.js';
import { entityTag } from './entity-tag.js';

/**
 * Says ETag and Cache-Control, but for what the task's reply says itself.
 * @returns whether the client has it: 304
 */
export function tagShared(
  definition: TaskDefinition,
  { head, body, ageMs }: CallResult,
  req: Request,
  res: Response,
): boolean {
  const cacheControl = cacheControlOf(definition);
  if (cacheControl === undefined || (head !== undefined && head.status !== 200)) return false;
  if (head === undefined || !replySays(head, 'cache-control')) res.setHeader('Cache-Control', cacheControl);
  // So that a cache does not begin to count anew.
  if (ageMs !== undefined) res.setHeader('Age', Math.floor(ageMs / 1_000));
  if (head !== undefined && replySays(head, 'etag')) return false;
  res.setHeader('ETag', entityTag(body));
  // By If-None-Match, of GET and HEAD alone; false where the client wants it anew.
  return req.fresh;
}

/** Of the answers of a task that shares its runs; undefined for others. */
export function cacheControlOf({ share }: Pick<TaskDefinition, 'share'>): string | undefined {
  if (!share) return undefined;
  if (share === true) return 'private, no-cache';
  return share.cacheControl ?? `private, max-age=${Math.floor(share.ttlMs / 1_000)}`;
}
