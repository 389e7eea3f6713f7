// What every answer of the app carries, put onto its head when that is written: the security headers, the same on all
// of them, and the request's id. Set one by one they cost 6 µs on Node 20, a quarter of a whole light request; here
// they are one string, made at boot, behind the head that Node has composed.
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Express, Response } from 'express';

declare module 'node:http' {
  interface ServerResponse {
    /** The composed head. Not documented: see `composesHead`. */
    _header?: unknown;
  }
}

const endOfHead = '\r\n\r\n';
const { writeHead: nodeWriteHead } = ServerResponse.prototype;

const idHeader = 'X-Request-Id';

/**
 * To be called before the app's prototypes are aligned. What was set of these headers stays as it was set; `getHeader`
 * knows nothing of the others. Where the answer has no `requestId` the head is left as Node writes it.
 * @param appends whether they may be appended to the composed head; else they are set one by one
 */
export function stampHeads(
  app: Express,
  headers: readonly (readonly [name: string, value: string])[],
  appends = composesHead(),
): void {
  const block = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const names = [...headers.map(([name]) => name), idHeader];

  function setEach(res: Response, requestId: string): void {
    for (const [name, value] of [...headers, [idHeader, requestId] as const]) {
      if (!res.hasHeader(name)) res.setHeader(name, value);
    }
  }

  app.response.writeHead = function writeHead(this: Response, ...given: unknown[]): Response {
    const { requestId } = this;
    // Some were set where a route has a policy of its own, such as the page at /docs.
    const mayAppend = appends && !names.some((name) => this.hasHeader(name));
    if (requestId !== undefined && !mayAppend) setEach(this, requestId);
    Reflect.apply(nodeWriteHead, this, given);
    if (requestId !== undefined && mayAppend) {
      this._header = `${String(this._header).slice(0, -2)}${block}${idHeader}: ${requestId}${endOfHead}`;
    }
    return this;
  };
}

/**
 * Puts a body of ASCII behind the head that was written, to be sent with it by `end()`. False where that cannot be: it
 * is still to be given to `end`.
 */
export function joinBody(res: Response, body: string): boolean {
  const head = composedHead(res);
  if (res.req.method === 'HEAD' || head === undefined) return false;
  res._header = head + body;
  return true;
}

/** Whether this Node keeps a head that was written as one string until it is sent. All that were tried do (20 to 26). */
function composesHead(): boolean {
  const res = new ServerResponse(new IncomingMessage(new Socket()));
  res.writeHead(200);
  return composedHead(res) !== undefined;
}

/** The whole head, where it was written and is kept as one string. */
function composedHead({ _header: head }: ServerResponse): string | undefined {
  return typeof head === 'string' && head.endsWith(endOfHead) ? head : undefined;
}
