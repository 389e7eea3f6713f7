// Mounts what can be done at a path, and answers for what cannot: OPTIONS with `Allow`, and 405 for the rest.
import type { Express, RequestHandler } from 'express';
import { AppError } from '../errors.js';

export interface Methods {
  /** Also answers HEAD: the last handler must leave out the work that only a body needs. */
  readonly get?: readonly RequestHandler[];
  readonly post?: readonly RequestHandler[];
}

/** @param before runs first, for every method: decides whether the resource is there at all */
export function mountResource(
  app: Express,
  path: string,
  { get, post }: Methods,
  before: readonly RequestHandler[] = [],
): void {
  const allow = [...(get ? ['GET', 'HEAD'] : []), ...(post ? ['POST'] : []), 'OPTIONS'];
  const route = app.route(path);
  for (const handler of before) route.all(handler);
  if (get) route.get(...get);
  if (post) route.post(...post);
  route.options(optionsAnswer(allow)).all(methodNotAllowed(allow));
}

export function optionsAnswer(allow: readonly string[]): RequestHandler {
  const value = allow.join(', ');
  return (_req, res) => {
    res.statusCode = 204;
    res.setHeader('Allow', value);
    res.end();
  };
}

export function methodNotAllowed(allow: readonly string[]): RequestHandler {
  return (req) => {
    throw new AppError('METHOD_NOT_ALLOWED', `${req.method} is not allowed here.`, { allow });
  };
}
