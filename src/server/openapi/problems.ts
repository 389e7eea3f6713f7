// The error answers of operations, from the error table.
import { type ErrorCode, errorTable } from '../../errors.js';
import { problemType } from '../../problem-json.js';
import { quotaHeaders } from './access.js';
import type { Components, Node, Reference } from './components.js';
import { type AnswerHeader, headersOf } from './headers.js';

/** What any request may meet, whatever it asks for. */
const everywhere: readonly ErrorCode[] = [
  'BAD_REQUEST',
  'INVALID_INPUT',
  'METHOD_NOT_ALLOWED',
  'REQUEST_TIMEOUT',
  'EXPECTATION_FAILED',
  'HEADERS_TOO_LARGE',
  'INTERNAL',
];

/** Error answers by status. @param more what the operation adds to what any request may meet */
export function problemResponses(
  components: Components,
  more: readonly ErrorCode[] = [],
): Record<string, Reference> {
  const byStatus = new Map<number, ErrorCode[]>();
  // In the table's order, so that a set of codes has one name.
  for (const code of errorCodes.filter((one) => everywhere.includes(one) || more.includes(one))) {
    const { status } = errorTable[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      components.share('responses', codes.join('-'), () => problemResponse(components, status, codes)),
    ]),
  );
}

const errorCodes = Object.keys(errorTable) as ErrorCode[];

function problemResponse(components: Components, status: number, codes: readonly ErrorCode[]): Node {
  const problem = components.share('schemas', 'Problem', () => problemSchema);
  return {
    description: codes.map((code) => errorTable[code].title).join(', or '),
    headers: headersOf(components, ['Cache-Control', ...headersFor(codes)]),
    content: {
      [problemType]: {
        schema: {
          allOf: [problem, { properties: { status: { const: status }, code: { enum: codes } } }],
        },
        examples: Object.fromEntries(codes.map((code) => [code, { value: exampleOf(code) }])),
      },
    },
  };
}

function headersFor(codes: readonly ErrorCode[]): AnswerHeader[] {
  if (codes.includes('METHOD_NOT_ALLOWED')) return ['Allow'];
  if (codes.includes('UNAUTHORIZED')) return ['WWW-Authenticate'];
  if (codes.includes('QUOTA_EXCEEDED')) return ['Retry-After', ...quotaHeaders];
  // Whoever is told that the server stops should look for another one, not wait.
  return codes.includes('OVERLOADED') ? ['Retry-After'] : [];
}

function exampleOf(code: ErrorCode): Node {
  const { status, title, when } = errorTable[code];
  return {
    type: 'about:blank',
    title,
    status,
    detail: when,
    code,
    requestId: 'q7Rk2mXvT0aB.1f',
    ...(code === 'INVALID_INPUT' && { errors: [{ path: 'a.0.1', message: 'must be a number' }] }),
  };
}

const problemSchema: Node = {
  description: 'An error, as RFC 9457 has it.',
  type: 'object',
  properties: {
    type: { const: 'about:blank' },
    title: { type: 'string', description: 'The same for every error of this code.' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'What was wrong this time.' },
    code: { enum: errorCodes, description: 'What a program should look at.' },
    requestId: { type: 'string' },
    errors: {
      type: 'array',
      description: 'What is wrong with the input.',
      items: {
        type: 'object',
        properties: {
          path: { type: 'string', description: 'The field, such as `a.0.1`; empty for the whole input.' },
          message: { type: 'string' },
        },
        required: ['path', 'message'],
      },
    },
  },
  required: ['type', 'title', 'status', 'detail', 'code', 'requestId'],
};
