// What an error looks like on the wire: application/problem+json (RFC 9457). Which errors there are is errors.ts.
import type { AppError } from './errors.js';

export const problemType = 'application/problem+json';

/** The body of an error's answer. */
export function problemJson(error: AppError, requestId: string | undefined): string {
  const { status, title } = error;
  return JSON.stringify({
    type: 'about:blank',
    title,
    status,
    detail: error.message,
    code: error.toldCode,
    requestId,
    errors: error.issues,
  });
}
