// What RFC 9112 says must be refused and Node's parser lets through, judged by a request's head alone. Pure but for
// `toOriginForm`. What the parser itself refuses is client-error.ts. Seen with llhttp 9.3 (Node 20) and 9.4 (24, 26).
import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';
import { AppError } from '../errors.js';

/** What may be asked of this server as a whole. */
export const allowedMethods = ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS'];

const maxHeaders = 200;

/**
 * RFC 3986: an IP literal, or a name or address, then perhaps a port. The URL's userinfo has no place here. Each
 * character is looked at once.
 */
const authority =
  /^(?:\[[\da-f:.]+\]|(?=[^:])[\w.~!$&'()*+,;=-]*(?:%[\da-f]{2}[\w.~!$&'()*+,;=-]*)*)(?::(?:\d{0,4}|[0-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5]))?$/i;
/** Visible ASCII without `#`: a fragment is never sent, the rest would have to be percent-encoded. */
const targetCharacters = /^[!-"$-~]+$/;
const absoluteForm = /^https?:\/\/([^/?]*)(.*)$/is;

/**
 * Why this request must be refused, or undefined. Rewrites the absolute form (`GET http://host/path`) of a sound one
 * to the origin form, the host of which then counts as its `Host` (RFC 9112, 3.2.2).
 */
export function unsoundness(req: IncomingMessage): AppError | undefined {
  if (req.httpVersionMajor !== 1 || req.httpVersionMinor > 1)
    return unsound('Only HTTP/1.1 and HTTP/1.0 are spoken here.');
  if (req.method === 'TRACE')
    return new AppError('METHOD_NOT_ALLOWED', 'TRACE is not allowed here.', { allow: allowedMethods });
  return headerFault(req) ?? targetFault(req);
}

function headerFault(req: IncomingMessage): AppError | undefined {
  const { rawHeaders } = req;
  if (rawHeaders.length > 2 * maxHeaders)
    return new AppError('HEADERS_TOO_LARGE', `There are more than ${maxHeaders} headers.`);
  let host: string | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    const value = rawHeaders[i + 1] ?? '';
    // Lengths first: hardly any header's name has to be lower-cased.
    if (name.length === 4 && name.toLowerCase() === 'host') {
      if (host !== undefined) return unsound('There is more than one Host header.');
      if (!isAuthority(value)) return unsound('The Host header is not a host with an optional port.');
      host = value;
    } else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      if (req.httpVersionMinor === 0) return unsound('HTTP/1.0 knows no Transfer-Encoding.');
      if (value.toLowerCase() !== 'chunked') return unsound('The only transfer coding is chunked.');
    }
  }
  if (host === undefined && req.httpVersionMinor === 1) return unsound('The Host header is missing.');
  return undefined;
}

function isAuthority(text: string): boolean {
  if (!authority.test(text)) return false;
  return !text.startsWith('[') || isIPv6(text.slice(1, text.indexOf(']')));
}

function targetFault(req: IncomingMessage): AppError | undefined {
  const target = req.url ?? '';
  if (!targetCharacters.test(target)) return unsound('The request target has characters it may not have.');
  if (target.startsWith('/')) return undefined;
  if (target === '*')
    return req.method === 'OPTIONS' ? undefined : unsound('The target * is for OPTIONS only.');
  return toOriginForm(req, target);
}

function toOriginForm(req: IncomingMessage, target: string): AppError | undefined {
  const [, host = '', path = ''] = absoluteForm.exec(target) ?? [];
  if (!isAuthority(host)) return unsound('The request target is neither a path nor an http URL.');
  req.headers.host = host;
  req.url = path.startsWith('/') ? path : `/${path}`;
  return undefined;
}

function unsound(detail: string): AppError {
  return new AppError('BAD_REQUEST', detail);
}
