// The headers of requests and answers, as the document describes them.
import type { ErrorCode } from '../../errors.js';
import { requestIdForm } from '../../http/sound-request-id.js';
import { notBegunHeader } from '../../problem.js';
import type { Components, Node, Reference } from './components.js';

const answerHeaders = {
  'X-Request-Id': {
    description: "The request's id: the caller's own where it is sound, else a new one.",
    schema: { type: 'string', pattern: requestIdForm.source },
    required: true,
  },
  'Server-Timing': {
    description: 'The lane that ran the call, and how long it waited and ran, in ms.',
    schema: { type: 'string' },
    example: 'lane;desc="thread", queue;dur=0.4, run;dur=31.2',
    required: true,
  },
  'Cache-Control': { schema: { type: 'string', const: 'no-store' }, required: true },
  ETag: {
    description: 'A digest of the answer, for `If-None-Match`.',
    schema: { type: 'string' },
    example: '"ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"',
    required: true,
  },
  'Retry-After': {
    description: 'Whole seconds, at least 1, after which to try again; not while the server stops.',
    schema: { type: 'integer', minimum: 1 },
  },
  [notBegunHeader]: {
    description: 'Nothing of the call has begun: another machine may have it. Of some `OVERLOADED`.',
    schema: { type: 'string', const: '1' },
  },
  'RateLimit-Policy': {
    description: 'The quota of one client: `q` ms of CPU time in `w` seconds.',
    schema: { type: 'string' },
    example: '"cpu";q=60000;w=60',
    required: true,
  },
  RateLimit: {
    description:
      'What the client may still use (`r`, ms of CPU time), and in how many seconds (`t`) it has more.',
    schema: { type: 'string' },
    example: '"cpu";r=41200;t=19',
    required: true,
  },
  Allow: {
    description: 'The methods that the path has.',
    schema: { type: 'string' },
    example: 'GET, HEAD, POST, OPTIONS',
    required: true,
  },
  'WWW-Authenticate': {
    description: 'How to show a key.',
    schema: { type: 'string' },
    example: 'Bearer realm="millrace"',
    required: true,
  },
} satisfies Record<string, Node>;

export type AnswerHeader = keyof typeof answerHeaders;

/** The headers of an answer; X-Request-Id is on every one. */
export function headersOf(
  components: Components,
  more: readonly AnswerHeader[] = [],
): Record<string, Reference> {
  const names: AnswerHeader[] = ['X-Request-Id', ...more];
  return Object.fromEntries(
    names.map((name) => [name, components.share('headers', name, () => answerHeaders[name])]),
  );
}

/** A header that an answer has with one code only. */
export function optionalHeader(name: AnswerHeader, code: ErrorCode): Node {
  const { required, description, ...rest }: Node = answerHeaders[name];
  return { description: `With ${code}: ${description}`, ...rest };
}

const requestHeaders = {
  'Request-Timeout': {
    description:
      'Seconds, above 0 (`2.5`, say), until the caller stops waiting, counted from when the headers were read. Without ' +
      'it a call waits and runs as long as the server’s settings allow.',
    schema: { type: 'string', pattern: '^\\d{1,6}(\\.\\d{1,3})?$' },
  },
  'X-Request-Id': {
    description: 'An id for this request, for the answer and the log. One that is not sound is replaced.',
    schema: { type: 'string' },
  },
} satisfies Record<string, Node>;

/** The header parameters of an operation. */
export function headerParameters(components: Components): Reference[] {
  return Object.entries(requestHeaders).map(([name, header]) =>
    components.share('parameters', name, () => ({ name, in: 'header', required: false, ...header })),
  );
}
