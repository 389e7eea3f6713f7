// Which ids of callers may be repeated.

const sound = /^[\w.-]{1,128}$/;

/** The caller's id, if it may be repeated. */
export function soundRequestId(given: unknown): string | undefined {
  return typeof given === 'string' && sound.test(given) ? given : undefined;
}
