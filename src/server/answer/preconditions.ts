// What is refused before a body is read or a query looked at. The order of refusals is the order in which a resource
// lists these.
import type { Request, Response } from 'express';
import { AppError } from '../../errors.js';
import { expectation } from '../../http/expectation.js';
import { bodyTooLarge } from '../request/body.js';

/** Throws the AppError with which the request is to be refused, or rejects with it: only an app's own check waits. */
export type Check = (req: Request) => void | Promise<void>;

/** By the announced length; what is not announced is measured while it arrives. */
export function announcedLength(limitOf: (req: Request) => number): Check {
  return (req) => {
    const limitBytes = limitOf(req);
    if (Number(req.headers['content-length'] ?? 0) > limitBytes) throw bodyTooLarge(limitBytes);
  };
}

export type BodyType = 'json' | 'bytes' | 'other';

const typeForm = /[^\s;]+[ \t]*/y;
/** One parameter, or none between two semicolons. A step at a time: each character is looked at once. */
const parameterForm = /;[ \t]*(?:([\w-]+)=(?:"([^"]*)"|([^\s;"]+))[ \t]*)?/y;

/**
 * Parameters that the type does not define are ignored, as receivers should (RFC 9110, 8.3.1; RFC 2045, 5).
 * @param accepts media types and ranges that are bytes, too, in lower case
 */
export function bodyTypeOf(req: Request, accepts: readonly string[] = none): BodyType {
  const header = req.headers['content-type'] ?? '';
  // What nearly everybody sends.
  if (header === 'application/json') return 'json';
  typeForm.lastIndex = 0;
  const type = typeForm.exec(header)?.[0].trimEnd().toLowerCase();
  let at = typeForm.lastIndex;
  while (at < header.length) {
    parameterForm.lastIndex = at;
    const [, name, quoted, plain] = parameterForm.exec(header) ?? [];
    at = parameterForm.lastIndex;
    // Nothing was found: no parameter stands here.
    if (at === 0) return 'other';
    const isCharset = type === 'application/json' && name?.toLowerCase() === 'charset';
    if (isCharset && !/^utf-?8$/i.test(quoted ?? plain ?? '')) return 'other';
  }
  if (type === 'application/json') return 'json';
  return type === 'application/octet-stream' || (type !== undefined && isAccepted(type, accepts))
    ? 'bytes'
    : 'other';
}

const none: readonly string[] = [];

function isAccepted(type: string, accepts: readonly string[]): boolean {
  return accepts.some(
    (range) =>
      range === type || range === '*/*' || (range.endsWith('/*') && type.startsWith(range.slice(0, -1))),
  );
}

const mediaTypes = { json: 'application/json (UTF-8)', bytes: 'application/octet-stream' };

/**
 * The body must be one of these, and must not be compressed: a few bytes could unfold to any number.
 * @param accepts as bodyTypeOf has it
 */
export function mediaType(
  accepted: readonly Exclude<BodyType, 'other'>[],
  accepts: readonly string[] = none,
): Check {
  const wanted = [...accepted.map((type) => mediaTypes[type]), ...accepts].join(' or ');
  return (req) => {
    const type = bodyTypeOf(req, accepts);
    if (type === 'other' || !accepted.includes(type)) {
      throw new AppError('UNSUPPORTED_MEDIA_TYPE', `The body must be ${wanted}.`);
    }
    identityEncoding(req);
  };
}

export const identityEncoding: Check = ({ headers }) => {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new AppError('UNSUPPORTED_MEDIA_TYPE', 'A body with a Content-Encoding is not accepted.');
  }
};

/** Tells a client that waits for it to send its body, once: called right before the body is read. */
export function sendContinue(req: Request, res: Response): void {
  if (req.headers.expect === undefined || req.httpVersion !== '1.1' || req.exchange.continued) return;
  req.exchange.continued = true;
  res.writeContinue();
}

/**
 * The same for handlers that know nothing of it: the client is told when something begins to read. What refuses before
 * that saves it its upload. Anything else that is expected is refused.
 */
export function continueWhenRead(req: Request, res: Response): void {
  if (req.headers.expect === undefined) return;
  expectation(req);
  const { _read: read } = req;
  req._read = function (size) {
    if (!res.headersSent) sendContinue(req, res);
    read.call(this, size);
  };
}
