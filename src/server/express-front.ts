// What every request meets before Express's router: as middleware in it, each would cost most of a µs, and what is found by
// its path alone would be looked for along its layers. Here neither is so.
import type { Express, NextFunction, Request, Response } from 'express';

/** As middleware has it. What it returns is only looked at where it is a promise: that may reject. */
export type Front = (req: Request, res: Response, next: NextFunction) => unknown;

/**
 * To be called before anything is added to the app.
 * @param fail answers what the front throws, or gives to `next`
 */
export function putInFront(
  app: Express,
  front: Front,
  fail: (thrown: unknown, req: Request, res: Response) => void,
): void {
  // Not documented, and called for every request, also where an app is mounted in another one (Express 3 to 5).
  const expressHandle: unknown = Reflect.get(app, 'handle');
  if (typeof expressHandle !== 'function') throw new Error('This version of Express has no app.handle.');
  const toExpress = expressHandle;

  function handle(req: Request, res: Response, done?: NextFunction): void {
    // As Express does at first: whoever answers here has its methods.
    Object.setPrototypeOf(req, app.request);
    Object.setPrototypeOf(res, app.response);
    req.res = res;
    const next = (error?: unknown): void => {
      if (error !== undefined && error !== null) fail(error, req, res);
      else Reflect.apply(toExpress, app, [req, res, done]);
    };
    try {
      const answered = front(req, res, next);
      if (answered instanceof Promise) answered.catch((error: unknown) => fail(error, req, res));
    } catch (error) {
      fail(error, req, res);
    }
  }
  Reflect.set(app, 'handle', handle);
}
