// Which ids of callers may be repeated.

/** Also what the API's description says. */
export const requestIdForm = /^[\w.-]{1,128}$/;

/** The caller's id, if it may be repeated. */
export function soundRequestId(given: unknown): string | undefined {
  return typeof given === 'string' && requestIdForm.test(given) ? given : undefined;
}
