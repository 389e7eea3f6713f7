// Asks for an API key, before anything of the body is read. Which keys there are is api-keys.ts.
import type { Request } from 'express';
import type { ApiKeys } from '../../api-keys.js';
import { AppError } from '../../errors.js';
import type { Check } from '../answer/preconditions.js';

/**
 * Goes in front of what a key is needed for; empty where none is. OPTIONS never asks: a browser's preflight has no
 * credentials.
 */
export function access(keys: ApiKeys | undefined): readonly Check[] {
  if (keys === undefined) return [];
  return [
    (req) => {
      noteKey(keys, req);
      if (req.exchange.keyName === undefined) {
        const wrong = shownKeys(req).length > 0 ? ', error="invalid_token"' : '';
        throw new AppError(
          'UNAUTHORIZED',
          'A valid API key is required, as a bearer token or in X-Api-Key.',
          {
            headers: { 'WWW-Authenticate': `Bearer realm="millrace"${wrong}` },
          },
        );
      }
    },
  ];
}

/** Keeps the name of the request's key on it, where it shows one that is good. */
export function noteKey(keys: ApiKeys | undefined, req: Request): void {
  const shown = keys === undefined ? [] : shownKeys(req);
  const [key] = shown;
  if (key === undefined || shown.length > 1) return;
  req.exchange.keyName = keys?.nameOf(Buffer.from(key, 'latin1'));
}

/** Blanks of HTTP only: a key may end in a byte that Unicode calls a blank. Node has cut those behind the value. */
const bearerForm = /^bearer(?:[ \t]+(.*))?$/is;

/**
 * The different keys of a request: good requests have one. From the raw headers, because of two Authorization headers
 * `req.headers` keeps the first and a proxy in front may have judged the last; so one that is repeated counts as a
 * key more. Other schemes of Authorization are for somebody else.
 */
function shownKeys({ rawHeaders }: Request): string[] {
  const tokens: string[] = [];
  const apiKeys: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]?.toLowerCase();
    const value = rawHeaders[i + 1] ?? '';
    if (name === 'x-api-key') apiKeys.push(value);
    else if (name === 'authorization') {
      const bearer = bearerForm.exec(value);
      if (bearer !== null) tokens.push(bearer[1] ?? '');
    }
  }
  const [token] = tokens;
  const [apiKey] = apiKeys;
  return tokens.length === 1 && apiKeys.length === 1 && token === apiKey ? tokens : [...tokens, ...apiKeys];
}
