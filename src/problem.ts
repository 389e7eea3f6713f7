// What an error looks like on the wire: its body, application/problem+json (RFC 9457), and its header fields, for every
// server and way of answering. Which errors there are is errors.ts.
import type { AppError } from './errors.js';

/** Says that nothing of the request has been done, so that it may be sent to another machine. */
export const notBegunHeader = 'X-Millrace-Not-Begun';

export const problemType = 'application/problem+json';

/** The header fields of an error's answer, but those of its body. */
export function problemHeaders({
  allow,
  retryAfterSeconds,
  headers = {},
  notBegun,
}: AppError): [name: string, value: string][] {
  const fields: [string, string][] = [['Cache-Control', 'no-store']];
  if (allow !== undefined) fields.push(['Allow', allow.join(', ')]);
  if (retryAfterSeconds !== undefined) fields.push(['Retry-After', String(retryAfterSeconds)]);
  if (notBegun) fields.push([notBegunHeader, '1']);
  fields.push(...Object.entries(headers));
  return fields;
}

/** The body of an error's answer. */
export function problemJson(error: AppError, requestId: string | undefined): string {
  return JSON.stringify(problemBody(error, requestId));
}

export function problemBody(error: AppError, requestId: string | undefined): object {
  const { status, title } = error;
  return {
    type: 'about:blank',
    title,
    status,
    detail: error.message,
    code: error.toldCode,
    requestId,
    errors: error.issues,
  };
}
