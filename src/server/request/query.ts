// A request's query parameters, strictly: each name once, sound encoding, and none that is not known. Whether one may be
// empty is for its reader to say.

import type { Request } from 'express';
import { AppError, type InputIssue } from '../../errors.js';
import { queryStringOf } from '../../http/request-target.js';

const none: ReadonlyMap<string, string> = new Map();

/** @throws AppError BAD_REQUEST for a broken encoding; INVALID_INPUT for a repeated parameter */
export function queryOf(req: Request): ReadonlyMap<string, string> {
  const text = queryStringOf(req.url);
  if (text === undefined) return none;
  checkEncoding(text);
  const parameters = new Map<string, string>();
  const issues: InputIssue[] = [];
  for (const [name, value] of new URLSearchParams(text)) {
    if (parameters.has(name)) issues.push({ path: name, message: 'The parameter is given more than once.' });
    parameters.set(name, value);
  }
  if (issues.length > 0) throw invalidQuery(issues);
  return parameters;
}

/** @throws AppError as queryOf, and INVALID_INPUT for parameters that the route does not have */
export function noQuery(req: Request): void {
  const parameters = queryOf(req);
  if (parameters.size > 0) throw invalidQuery([...parameters.keys()].map(unknownParameter));
}

export function unknownParameter(name: string): InputIssue {
  return { path: name, message: 'There is no such parameter here.' };
}

export function invalidQuery(issues: readonly InputIssue[]): AppError {
  return new AppError('INVALID_INPUT', 'The query parameters do not fit.', { issues: issues.slice(0, 20) });
}

/** URLSearchParams would read anything, and make U+FFFD of what it cannot read. */
function checkEncoding(text: string): void {
  try {
    decodeURIComponent(text);
  } catch (cause) {
    throw new AppError('BAD_REQUEST', 'The query is not percent-encoded UTF-8.', { cause });
  }
}
