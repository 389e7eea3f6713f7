// The whole pattern of a route that stands in routers or apps that are mounted in others: `/users/:id/posts`, never
// what was asked for, for labels of a metric must be few. Looked for once a route. And all that there are.
import type { Application, Request } from 'express';

/** What is looked at of a router's layer. `rawPath` is not documented, and there since router 2.3. */
interface Layer {
  readonly route?: object | undefined;
  readonly handle: unknown;
  readonly rawPath?: unknown;
}

interface Route {
  readonly path: unknown;
}

const known = new WeakMap<object, string>();

/** @param req one that a route has taken */
export function mountedRoute({ app, route }: Pick<Request, 'app' | 'route'>): string {
  let pattern = known.get(route);
  if (pattern === undefined) {
    pattern = appPrefix(app) + (patternIn(app.router.stack, route) ?? textOf(route.path));
    known.set(route, pattern);
  }
  return pattern;
}

/** Where an app is mounted in another one. */
function appPrefix(app: Application): string {
  const { parent } = app as { parent?: Application };
  return parent === undefined ? '' : appPrefix(parent) + textOf(app.mountpath);
}

function patternIn(stack: readonly Layer[], route: Route): string | undefined {
  for (const layer of stack) {
    if (layer.route === route) return textOf(route.path);
    const below = stackOf(layer.handle);
    const rest = below && patternIn(below, route);
    if (rest !== undefined) return textOf(layer.rawPath ?? '') + rest;
  }
  return undefined;
}

/** Of every route in this stack and in the routers that are mounted there. Expressions are as they are written. */
export function pathsOf(stack: readonly Layer[]): string[] {
  return stack.flatMap(({ route, handle, rawPath }) => {
    if (route !== undefined) return 'path' in route ? textsOf(route.path) : [];
    const below = pathsOf(stackOf(handle) ?? []);
    return below.length === 0
      ? []
      : textsOf(rawPath ?? '').flatMap((front) => below.map((rest) => front.replace(/\/$/, '') + rest));
  });
}

function stackOf(handle: unknown): readonly Layer[] | undefined {
  if (typeof handle !== 'function' || !('stack' in handle)) return undefined;
  return Array.isArray(handle.stack) ? handle.stack : undefined;
}

/** A path as it was given: a text, an expression, or a list of these. `/` in front of another one adds nothing. */
function textOf(path: unknown): string {
  const text = textsOf(path).join('|');
  return text === '/' ? '' : text;
}

function textsOf(path: unknown): string[] {
  return [path].flat(9).map(String);
}
