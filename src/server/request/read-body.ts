// The body that an app's own middleware (express.json(), express.raw()) has read before a route of ours is asked.
import type { Request } from 'express';
import { AppError } from '../../errors.js';

/**
 * What the middleware made of it; undefined where nobody has read anything. body-parser 1 leaves `{}` where it read
 * nothing.
 * @throws AppError INTERNAL where somebody has read of it and kept what he read
 */
export function parsedBody(req: Request): unknown {
  if (!req.readableDidRead) return undefined;
  if (req.readableEnded && req.body !== undefined) return req.body;
  throw new AppError('INTERNAL', 'The server met an error of its own; its log has the details.', {
    cause: new Error(
      `middleware in front of ${req.path} has read ${req.readableEnded ? 'the body' : 'a part of the body'} and left nothing in req.body`,
    ),
  });
}

/** Of a body that was read as bytes or text, in a buffer of their own; undefined: it is something else. */
export function bytesOf(parsed: unknown): Uint8Array<ArrayBuffer> | undefined {
  if (parsed instanceof Uint8Array) return new Uint8Array(parsed);
  return typeof parsed === 'string' ? new TextEncoder().encode(parsed) : undefined;
}
