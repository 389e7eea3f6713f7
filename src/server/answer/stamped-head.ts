// What every answer of the app carries, put onto its head when that is written: the security headers, the same on all
// of them, and the request's id. Set one by one they cost 6 µs on Node 20, a quarter of a whole light request; here
// they are one string, made at boot, behind the head that Node has composed.
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Express, Response } from 'express';
import type { HeaderList } from './security-headers.js';

declare module 'node:http' {
  interface ServerResponse {
    /** The composed head. Not documented: see `composesHead`. */
    _header?: unknown;
    /** Stamped headers that were removed from this answer, in lower case. */
    unstamped?: Set<string>;
  }
}

const endOfHead = '\r\n\r\n';
const { writeHead: nodeWriteHead, removeHeader: nodeRemoveHeader } = ServerResponse.prototype;

const idHeader = 'X-Request-Id';

export interface Stamps {
  /** For the answers of an app's own routes; called when the first of them is written. */
  readonly own?: () => HeaderList;
  /** Whether they may be appended to the composed head; else they are set one by one. */
  readonly appends?: boolean;
}

/** One kind of answers: what they all carry. */
interface Stamp {
  readonly headers: HeaderList;
  readonly block: string;
  /** In lower case. */
  readonly names: readonly string[];
}

/**
 * To be called before the app's prototypes are aligned. What was set of these headers stays as it was set, and what was
 * removed is left out; `getHeader` knows nothing of the others. Where the answer has no `requestId` the head is left as
 * Node writes it.
 */
export function stampHeads(
  app: Express,
  headers: HeaderList,
  { own, appends = composesHead() }: Stamps = {},
): void {
  const ours = stampOf(headers);
  let theirs: Stamp | undefined;

  function stampFor(res: Response): Stamp {
    if (own === undefined || res.req.exchange.isOurs) return ours;
    theirs ??= stampOf(own());
    return theirs;
  }

  app.response.writeHead = function writeHead(this: Response, ...given: unknown[]): Response {
    const { requestId } = this;
    if (requestId === undefined) return Reflect.apply(nodeWriteHead, this, given);
    const { headers, block, names } = stampFor(this);
    // An app may hand over headers here that are stamped, too. We never do.
    const handed = own !== undefined && given.length > 1 ? namesIn(given.at(-1)) : none;
    // Some were set where a route has a policy of its own, such as the page at /docs.
    const mayAppend =
      appends &&
      this.unstamped === undefined &&
      !names.some((name) => this.hasHeader(name) || handed.has(name));
    if (!mayAppend) {
      for (const [name, value] of [...headers, [idHeader, requestId] as const]) {
        const isSaid = this.hasHeader(name) || handed.has(name.toLowerCase());
        if (!isSaid && this.unstamped?.has(name.toLowerCase()) !== true) this.setHeader(name, value);
      }
    }
    Reflect.apply(nodeWriteHead, this, given);
    if (mayAppend) {
      this._header = `${String(this._header).slice(0, -2)}${block}${idHeader}: ${requestId}${endOfHead}`;
    }
    return this;
  };

  if (own === undefined) return;
  const stamped = new Set([...ours.names, ...stampOf(own()).names]);
  app.response.removeHeader = function removeHeader(this: Response, name: string): void {
    const lower = String(name).toLowerCase();
    if (stamped.has(lower)) {
      this.unstamped ??= new Set();
      this.unstamped.add(lower);
    }
    nodeRemoveHeader.call(this, name);
  };
}

const none: ReadonlySet<string> = new Set();

function stampOf(headers: HeaderList): Stamp {
  return {
    headers,
    block: headers.map(([name, value]) => `${name}: ${value}\r\n`).join(''),
    names: [...headers.map(([name]) => name), idHeader].map((name) => name.toLowerCase()),
  };
}

/** The forms that writeHead takes: an object, a flat list, or pairs. */
function namesIn(headers: unknown): ReadonlySet<string> {
  if (typeof headers !== 'object' || headers === null) return none;
  if (!Array.isArray(headers)) return new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  const names = Array.isArray(headers[0])
    ? headers.map(([name]: unknown[]) => name)
    : headers.filter((_, index) => index % 2 === 0);
  return new Set(names.map((name: unknown) => String(name).toLowerCase()));
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
