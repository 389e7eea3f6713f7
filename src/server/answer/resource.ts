// What can be done at a path, and answers for what cannot: OPTIONS with `Allow`, and 405 for the rest.
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import { AppError } from '../../errors.js';
import { expectation } from '../../http/expectation.js';
import { pathOf } from '../../http/request-target.js';
import { announcedLength, type Check } from './preconditions.js';

export interface Method {
  /** What is looked at first: the order is the order of refusals. */
  readonly checks: readonly Check[];
  readonly answer: RequestHandler;
}

export interface Methods {
  /** Also answers HEAD: it must leave out the work that only a body needs. */
  readonly get?: Method;
  readonly post?: Method;
  readonly delete?: Method;
}

/**
 * The handler of everything that is asked of one path.
 * @param bodyLimitBytes for the methods whose bodies nobody reads; what POST takes is for its own checks to say
 */
function resource({ get, post, delete: remove }: Methods, bodyLimitBytes: number): RequestHandler {
  const checkLength = announcedLength(() => bodyLimitBytes);
  const allow = [
    ...(get ? ['GET', 'HEAD'] : []),
    ...(post ? ['POST'] : []),
    ...(remove ? ['DELETE'] : []),
    'OPTIONS',
  ];
  const options = optionsAnswer(allow);
  const refuse = methodNotAllowed(allow);

  function answer(method: Method, req: Request, res: Response, next: NextFunction): unknown {
    if (method !== post && req.headers['content-length'] !== undefined) checkLength(req);
    return method.answer(req, res, next);
  }

  function methodOf(name: string): Method | undefined {
    if (name === 'GET' || name === 'HEAD') return get;
    if (name === 'POST') return post;
    return name === 'DELETE' ? remove : undefined;
  }

  return (req, res, next) => {
    req.exchange.isOurs = true;
    const method = methodOf(req.method);
    if (method === undefined) {
      if (req.method !== 'OPTIONS') return refuse(req, res, next);
      expectation(req);
      checkLength(req);
      return options(req, res, next);
    }
    const waiting = check(method.checks, req);
    if (waiting !== undefined) return waiting.then(() => answer(method, req, res, next));
    return answer(method, req, res, next);
  };
}

/** A promise only from the first check that has to wait on. */
function check(checks: readonly Check[], req: Request, from = 0): Promise<void> | undefined {
  for (let i = from; i < checks.length; i++) {
    const waiting = checks[i]?.(req);
    if (waiting instanceof Promise) return waiting.then(() => check(checks, req, i + 1));
  }
  return undefined;
}

/**
 * The resources at fixed paths, as one middleware. A look-up in a map: Express would try its routes one after the
 * other, and each request would pay for those in front of its own. Paths with parameters are Express's routes.
 */
export interface FixedPaths {
  add(path: string, methods: Methods): void;
  list(): string[];
  readonly middleware: RequestHandler;
  /** The handler for such a route: a resource like the others. */
  resource(methods: Methods): RequestHandler;
}

export function fixedPaths(bodyLimitBytes: number): FixedPaths {
  const resources = new Map<string, RequestHandler>();
  return {
    add: (path, methods) => void resources.set(path, resource(methods, bodyLimitBytes)),
    resource: (methods) => resource(methods, bodyLimitBytes),
    list: () => [...resources.keys()],
    middleware(req, res, next) {
      const path = pathOf(req.url);
      const handler = resources.get(path);
      if (handler === undefined) return next();
      req.exchange.route = path;
      return handler(req, res, next);
    },
  };
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
