// The error answers of operations, from the error table. All errors look alike, so they are one response, which every
// operation refers to as its `default`: the answer stays in sight, and which codes there are stands in one table.
import { type ErrorCode, errorTable } from '../../errors.js';
import { notBegunHeader, problemType } from '../../problem.js';
import type { Access } from './access.js';
import type { Components, Node, Reference } from './components.js';
import { headersOf, optionalHeader } from './headers.js';

/** Said by the admin server alone. */
const adminOnly: readonly ErrorCode[] = ['FORBIDDEN', 'CONFLICT'];

/** What an operation answers where it fails. */
export function problemResponses(components: Components, access: Access): { readonly default: Reference } {
  return { default: components.share('responses', 'Problem', () => problemResponse(components, access)) };
}

const errorCodes = Object.keys(errorTable) as ErrorCode[];

function problemResponse(components: Components, access: Access): Node {
  const codes = errorCodes.filter((code) => isSaid(code, access));
  return {
    description: `A problem (RFC 9457). \`code\` says which:\n\n${codeTable(codes)}`,
    headers: {
      ...headersOf(components, ['Cache-Control', 'Retry-After', notBegunHeader]),
      Allow: optionalHeader('Allow', 'METHOD_NOT_ALLOWED'),
      ...(access.keyed && { 'WWW-Authenticate': optionalHeader('WWW-Authenticate', 'UNAUTHORIZED') }),
      ...(access.quota && {
        'RateLimit-Policy': optionalHeader('RateLimit-Policy', 'QUOTA_EXCEEDED'),
        RateLimit: optionalHeader('RateLimit', 'QUOTA_EXCEEDED'),
      }),
    },
    content: {
      [problemType]: {
        schema: components.share('schemas', 'Problem', () => problemSchema),
        example: exampleOf('INVALID_INPUT'),
      },
    },
  };
}

/** Said of jobs alone. */
const jobsOnly: readonly ErrorCode[] = ['NOT_READY', 'GONE', 'IDEMPOTENCY_MISMATCH'];

function isSaid(code: ErrorCode, { keyed, quota, jobs = false }: Access): boolean {
  if (jobsOnly.includes(code)) return jobs;
  if (code === 'UNAUTHORIZED') return keyed;
  if (code === 'QUOTA_EXCEEDED') return quota;
  return !adminOnly.includes(code);
}

/** In Markdown, which a description may be. */
function codeTable(codes: readonly ErrorCode[]): string {
  const rows = codes.map((code) => `| ${errorTable[code].status} | \`${code}\` | ${errorTable[code].when} |`);
  return ['| status | code | when |', '| --- | --- | --- |', ...rows].join('\n');
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
