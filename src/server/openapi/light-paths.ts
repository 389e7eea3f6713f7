// The operations of the light routes: io, probes, and the description itself. Their handlers are in routes/.
import { type Access, securityOf } from './access.js';
import type { Components, Node } from './components.js';
import { headerParameters, headersOf } from './headers.js';
import { problemResponses } from './problems.js';

/** Path items by path. @param builtIns whether the routes of io.ts are served */
export function lightPaths(
  components: Components,
  access: Access,
  builtIns: boolean,
  prefix = '',
): Record<string, Node> {
  // The description's own folder is the prefix, and these stand outside of it.
  const outside = prefix === '' ? {} : { servers: [{ url: prefix.replace(/[^/]+/g, '..').slice(1) }] };
  return {
    ...(builtIns && {
      '/': { ...outside, get: hello(components, access) },
      '/io/delay': { ...outside, get: delay(components, access) },
      '/io/echo': { ...outside, post: echo(components, access) },
    }),
    '/livez': { ...outside, get: probe(components, access, 'livez', 'Does the event loop turn?') },
    '/readyz': { ...outside, get: readiness(components, access) },
    '/openapi.json': { get: description(components, access) },
    '/docs': { get: page(components, access) },
  };
}

function hello(components: Components, access: Access): Node {
  return {
    operationId: 'hello',
    tags: ['IO'],
    summary: 'Which server process answers',
    ...securityOf(access),
    parameters: headerParameters(components),
    responses: {
      200: answer(components, 'A greeting', 'text/plain', {
        schema: { type: 'string', pattern: '^hello from server \\d+$' },
        example: 'hello from server 4711',
      }),
      ...problemResponses(components, access),
    },
  };
}

function delay(components: Components, access: Access): Node {
  return {
    operationId: 'ioDelay',
    tags: ['IO'],
    summary: 'Wait on a timer',
    description: 'Stands for a slow upstream: waits without work.',
    ...securityOf(access),
    parameters: [
      {
        name: 'ms',
        in: 'query',
        required: true,
        description: 'How long to wait.',
        schema: { type: 'integer', minimum: 0, maximum: 60_000 },
        example: 50,
      },
      ...headerParameters(components),
    ],
    responses: {
      200: answer(components, 'It has waited', 'application/json', {
        schema: {
          type: 'object',
          properties: { waitedMs: { type: 'integer' } },
          required: ['waitedMs'],
          additionalProperties: false,
        },
        example: { waitedMs: 50 },
      }),
      ...problemResponses(components, access),
    },
  };
}

function echo(components: Components, access: Access): Node {
  return {
    operationId: 'ioEcho',
    tags: ['IO'],
    summary: 'The body, as it came',
    description: 'Any media type; the answer has the same.',
    ...securityOf(access),
    parameters: headerParameters(components),
    requestBody: { content: { '*/*': { example: 'hello' } } },
    responses: {
      200: answer(components, 'The same bytes', '*/*', {}),
      ...problemResponses(components, access),
    },
  };
}

function probe(components: Components, access: Access, operationId: string, summary: string): Node {
  return {
    operationId,
    tags: ['Probes'],
    summary,
    responses: { 200: status(components, 'Yes', 'ok'), ...problemResponses(components, access) },
  };
}

function readiness(components: Components, access: Access): Node {
  const { responses, ...rest } = probe(components, access, 'readyz', 'Can the cluster serve?');
  const unavailable = status(components, 'Not yet, or not any more', 'unavailable');
  return { ...rest, responses: { ...(responses as Node), 503: unavailable } };
}

function status(components: Components, description: string, value: 'ok' | 'unavailable'): Node {
  return answer(components, description, 'application/json', {
    schema: {
      type: 'object',
      properties: { status: { const: value } },
      required: ['status'],
      additionalProperties: false,
    },
    example: { status: value },
  });
}

function description(components: Components, access: Access): Node {
  return {
    operationId: 'openapi',
    tags: ['Description'],
    summary: 'This description',
    responses: {
      200: answer(components, 'OpenAPI 3.1', 'application/json', {
        schema: {
          type: 'object',
          properties: { openapi: { type: 'string', pattern: '^3\\.1\\.' } },
          required: ['openapi'],
        },
      }),
      ...problemResponses(components, access),
    },
  };
}

function page(components: Components, access: Access): Node {
  return {
    operationId: 'docs',
    tags: ['Description'],
    summary: 'This description as a page, to read and try',
    responses: {
      200: answer(components, 'The page', 'text/html', { schema: { type: 'string' } }),
      ...problemResponses(components, access),
    },
  };
}

function answer(components: Components, description: string, mediaType: string, media: Node): Node {
  return { description, headers: headersOf(components), content: { [mediaType]: media } };
}
