// The operations of jobs, and what those of tasks have for them. Their handlers are routes/jobs.ts.
import { jobStates } from '../../jobs/job.js';
import { type Access, securityOf } from './access.js';
import type { Components, Node, Reference } from './components.js';
import { headerParameters, headersOf } from './headers.js';
import { problemResponses } from './problems.js';

const tags = ['Jobs'];

/** Path items by path. */
export function jobPaths(components: Components, access: Access): Record<string, Node> {
  if (access.jobs !== true) return {};
  const common = { tags, ...securityOf(access) };
  const parameters = [idParameter, ...headerParameters(components)];
  const problems = problemResponses(components, access);
  const ofJob = (description: string): Node => jsonAnswer(components, description, jobSchema(components));
  return {
    '/jobs': {
      get: {
        ...common,
        operationId: 'jobs',
        summary: 'Your jobs, newest first',
        parameters: [
          queryParameter('state', 'Only those.', { enum: jobStates }),
          queryParameter('limit', 'Most jobs of a page.', {
            type: 'integer',
            minimum: 1,
            maximum: 100,
            default: 20,
          }),
          queryParameter('cursor', 'The `next` of the page before.', { type: 'string' }),
          ...headerParameters(components),
        ],
        responses: { 200: jsonAnswer(components, 'A page', listSchema(components)), ...problems },
      },
    },
    '/jobs/{id}': {
      get: {
        ...common,
        operationId: 'job',
        summary: 'What has become of a job',
        parameters,
        responses: { 200: ofJob('The job'), ...problems },
      },
      delete: {
        ...common,
        operationId: 'cancelJob',
        summary: 'Cancel a job',
        description:
          'A waiting job never runs, a running one is cancelled like a call. One that has ended stays as it is.',
        parameters,
        responses: {
          204: { description: 'It is cancelled, or had ended.', headers: headersOf(components) },
          ...problems,
        },
      },
    },
    '/jobs/{id}/result': {
      get: {
        ...common,
        operationId: 'jobResult',
        summary: 'The result of a job',
        description:
          'The answer as the task’s own route would give it, an error included. NOT_READY before the job has ended, GONE once its result is kept no longer.',
        parameters,
        responses: {
          200: {
            description: 'What the task answered.',
            headers: headersOf(components, ['Server-Timing', 'Cache-Control']),
            content: { '*/*': {} },
          },
          ...problems,
        },
      },
    },
    '/jobs/{id}/events': {
      get: {
        ...common,
        operationId: 'jobEvents',
        summary: 'What becomes of a job, as server-sent events',
        description:
          '`state` and `end` carry the job, `progress` how far it is. Who comes back says with `Last-Event-ID` what it has seen; after the end the answer is 204.',
        parameters: [
          ...parameters,
          {
            name: 'Last-Event-ID',
            in: 'header',
            required: false,
            schema: { type: 'string', pattern: '^\\d{1,15}$' },
          },
        ],
        responses: {
          200: {
            description: 'Events',
            headers: headersOf(components, ['Cache-Control']),
            content: { 'text/event-stream': { schema: { type: 'string' } } },
          },
          204: { description: 'Everything was told already.', headers: headersOf(components) },
          ...problems,
        },
      },
    },
  };
}

/** The header parameters by which a task's POST becomes a job. */
export function jobParameters(components: Components, { jobs }: Access): Reference[] {
  if (jobs !== true) return [];
  const parameters = {
    Prefer: {
      description:
        '`respond-async` (RFC 7240): answer at once, with where the result will be. `respond-async, wait=2`: only if it takes longer than 2 seconds.',
      schema: { type: 'string' },
    },
    'Idempotency-Key': {
      description:
        'With `Prefer: respond-async`: the same key is the same job, while that is kept. With another request: IDEMPOTENCY_MISMATCH.',
      schema: { type: 'string', maxLength: 257 },
    },
  };
  return Object.entries(parameters).map(([name, header]) =>
    components.share('parameters', name, () => ({ name, in: 'header', required: false, ...header })),
  );
}

/** The answer to a call that has become a job. */
export function acceptedResponse(components: Components, { jobs }: Access): { readonly 202?: Reference } {
  if (jobs !== true) return {};
  return {
    202: components.share('responses', 'Accepted', () => ({
      description: 'With `Prefer: respond-async`: the call has become a job.',
      headers: {
        ...headersOf(components, ['Cache-Control', 'Retry-After']),
        Location: {
          description: 'The job.',
          required: true,
          schema: { type: 'string' },
          example: '/jobs/j9b1d…',
        },
        'Preference-Applied': { required: true, schema: { type: 'string', const: 'respond-async' } },
      },
      content: { 'application/json': { schema: jobSchema(components) } },
    })),
  };
}

const idParameter: Node = {
  name: 'id',
  in: 'path',
  required: true,
  schema: { type: 'string' },
};

function queryParameter(name: string, description: string, schema: Node): Node {
  return { name, in: 'query', required: false, description, schema };
}

function jsonAnswer(components: Components, description: string, schema: Node | Reference): Node {
  return {
    description,
    headers: headersOf(components, ['Cache-Control']),
    content: { 'application/json': { schema } },
  };
}

function listSchema(components: Components): Node {
  return {
    type: 'object',
    properties: {
      jobs: { type: 'array', items: jobSchema(components) },
      next: { type: ['string', 'null'], description: 'The next page’s `cursor`; null: there is none.' },
    },
    required: ['jobs', 'next'],
    additionalProperties: false,
  };
}

const time = (description?: string): Node => ({
  type: ['string', 'null'],
  format: 'date-time',
  ...(description !== undefined && { description }),
});

function jobSchema(components: Components): Reference {
  return components.share('schemas', 'Job', () => ({
    description: 'A call that outlives its request.',
    type: 'object',
    properties: {
      id: { type: 'string' },
      task: { type: 'string' },
      state: { enum: jobStates },
      progress: {
        type: ['object', 'null'],
        description: 'What the task said last.',
        properties: { done: { type: 'number', minimum: 0, maximum: 1 }, note: { type: 'string' } },
        required: ['done'],
      },
      attempts: { type: 'integer', description: 'Runs that began.' },
      createdAt: { type: 'string', format: 'date-time' },
      startedAt: time(),
      endedAt: time(),
      expiresAt: time('Its result is kept until then.'),
      error: {
        anyOf: [{ type: 'null' }, { $ref: '#/components/schemas/Problem' }],
        description: 'Why it failed.',
      },
    },
    required: [
      'id',
      'task',
      'state',
      'progress',
      'attempts',
      'createdAt',
      'startedAt',
      'endedAt',
      'expiresAt',
      'error',
    ],
    additionalProperties: false,
  }));
}
