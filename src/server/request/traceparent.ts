// W3C Trace Context, as far as a server's log needs it: https://www.w3.org/TR/trace-context/#traceparent-header

const form = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/;

/** The trace id of a `traceparent` header, or undefined where there is none or it is not sound. */
export function traceIdOf(header: string | string[] | undefined): string | undefined {
  if (typeof header !== 'string') return undefined;
  const [, version, traceId, more] = form.exec(header) ?? [];
  // Version 00 ends here; what later versions append is not for us to judge.
  return version === '00' && more !== undefined ? undefined : traceId;
}
