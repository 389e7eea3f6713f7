// The operations of the CPU routes, from what their tasks declare: POST of JSON or bytes, and the GET form.
import { z } from 'zod';
import { dictionary } from '../../dictionary.js';
import type { DescribedReply, TaskDefinition } from '../../task.js';
import { streamType } from '../../tasks/chunks.js';
import type { Task } from '../../tasks/registry.js';
import { isStreaming } from '../../tasks/stream.js';
import { cacheControlOf } from '../answer/shared-answer.js';
import { querySchema } from '../request/query-form.js';
import { type Access, quotaHeaders, securityOf } from './access.js';
import type { Components, Node, Reference } from './components.js';
import { headerParameters, headersOf } from './headers.js';
import { acceptedResponse, jobParameters } from './job-paths.js';
import { formParameters } from './parameters.js';
import { problemResponses } from './problems.js';
import { shareSchema } from './schemas.js';

const bytesType = 'application/octet-stream';

/** Path items by path. */
export function taskPaths(components: Components, task: Task, access: Access): Record<string, Node> {
  const { definition, route } = task;
  const get = getOperation(components, task, access);
  const { pathParam } = definition;
  const post = postOperation(components, task, access);
  if (get === undefined) return { [route]: { post } };
  if (pathParam === undefined) return { [route]: { get, post } };
  return { [route]: { post }, [`${route}/{${pathParam}}`]: { get } };
}

function postOperation(components: Components, task: Task, access: Access): Node {
  const { definition, name } = task;
  const json = {
    schema: shareSchema(components, `${name}.input`, definition.input, 'input'),
    ...((definition.examples ?? []).length > 0 && { examples: namedExamples(task) }),
  };
  const bytesTypes = definition.fromBytes === undefined ? [] : [bytesType, ...(definition.accepts ?? [])];
  const bytes = Object.fromEntries(
    bytesTypes.map((type) => [type, { schema: { type: 'string', format: 'binary' } }]),
  );
  const most = definition.limits?.bodyBytes;
  const beside = definition.bytesQuery && formParameters(definition.bytesQuery, { mediaType: bytesType });
  return {
    ...commonParts(task, 'post'),
    ...securityOf(access),
    parameters: [...(beside ?? []), ...headerParameters(components), ...jobParameters(components, access)],
    requestBody: {
      required: true,
      ...(most !== undefined && { description: `At most ${most} bytes.` }),
      content: { 'application/json': json, ...bytes },
    },
    responses: {
      ...taskResponses(components, task, access),
      ...acceptedResponse(components, access),
      ...problemResponses(components, access),
    },
  };
}

function getOperation(components: Components, task: Task, access: Access): Node | undefined {
  const { definition } = task;
  const schema = querySchema(definition);
  if (schema === undefined) return undefined;
  const examples = (definition.examples ?? []).filter(
    (one): one is Record<string, unknown> =>
      typeof one === 'object' && one !== null && schema.safeParse(one).success,
  );
  const [example] = examples;
  return {
    ...commonParts(task, 'get'),
    // For the page: a value of the path parameter has fields of its own (page/start.js).
    ...(definition.pathParam !== undefined && { 'x-examples': examples }),
    ...securityOf(access),
    parameters: [
      ...formParameters(schema, { pathParam: definition.pathParam, example }),
      ...headerParameters(components),
      ...(definition.share ? [ifNoneMatch] : []),
    ],
    responses: {
      ...taskResponses(components, task, access),
      ...(definition.share && {
        304: {
          description: 'It is what `If-None-Match` names.',
          headers: sharedHeaders(components, definition),
        },
      }),
      ...problemResponses(components, access),
    },
  };
}

function commonParts({ name, definition }: Task, method: 'get' | 'post'): Node {
  const { summary, description } = definition;
  return {
    operationId: `${name}.${method}`,
    tags: ['CPU'],
    summary: summary ?? `The task ${name}`,
    ...(description !== undefined && { description }),
  };
}

/** Named by their kinds, where these differ. */
function namedExamples({ definition }: Task): Record<string, Node> {
  const named = dictionary<Node>();
  for (const [index, value] of (definition.examples ?? []).entries()) {
    const kind = definition.kind?.(definition.input.parse(value));
    named[kind === undefined || kind in named ? `example ${index + 1}` : kind] = { value };
  }
  return named;
}

/** What the task answers, however it was asked: 200 as `output` says, and what it says of its replies. */
function taskResponses(components: Components, task: Task, access: Access): Record<string, Reference> {
  const { name, definition } = task;
  const { output, replies = {} } = definition;
  const described = Object.entries(replies);
  const isOk = output !== undefined || described.length === 0;
  const ok: DescribedReply = { output: output ?? z.unknown() };
  const all = new Map<string, DescribedReply>([...(isOk ? [['200', ok] as const] : []), ...described]);
  return Object.fromEntries(
    [...all].map(([status, reply]) => {
      const part = status === '200' ? name : `${name}.${status}`;
      return [
        status,
        components.share('responses', `${part}.answer`, () =>
          response(components, part, reply, access, status === '200' ? definition : undefined),
        ),
      ];
    }),
  );
}

function response(
  components: Components,
  name: string,
  { description, output = [], headers = [] }: DescribedReply,
  { quota }: Access,
  ofTask: TaskDefinition | undefined,
): Node {
  const streaming = ofTask && isStreaming(ofTask) ? ofTask : undefined;
  const content: Record<string, Node> = {};
  const schemas: z.ZodType[] = [];
  for (const one of [output].flat()) {
    if ('contentType' in one) content[one.contentType] = {};
    else schemas.push(one);
  }
  const [first, second] = schemas;
  const whole = first && (second === undefined ? first : z.union(schemas));
  const json = whole && { schema: shareSchema(components, `${name}.output`, whole, 'output') };
  if (streaming !== undefined) Object.assign(content, streamContent(streaming, json));
  else if (json !== undefined) content['application/json'] = json;
  const own = Object.fromEntries(headers.map((header) => [header, { schema: { type: 'string' } }]));
  const common = headersOf(components, ['Server-Timing', 'Cache-Control', ...(quota ? quotaHeaders : [])]);
  const what = streaming ? 'What the task answers, sent as it comes.' : 'What the task answered.';
  return {
    description: description ?? what,
    headers: { ...common, ...(ofTask?.share && sharedHeaders(components, ofTask)), ...own },
    ...(Object.keys(content).length > 0 && { content }),
  };
}

/** Of a task whose calls share their runs. */
const sharedHeaders = (components: Components, definition: TaskDefinition): Node => ({
  ...headersOf(components, ['ETag']),
  'Cache-Control': { schema: { type: 'string' }, example: cacheControlOf(definition), required: true },
  Age: {
    description: 'For how many seconds the answer has been kept, if it was.',
    schema: { type: 'integer', minimum: 0 },
  },
});

const ifNoneMatch: Node = {
  name: 'If-None-Match',
  in: 'header',
  required: false,
  description: 'The `ETag` of an answer that the client has: 304 where it is still that.',
  schema: { type: 'string' },
};

/** A document has no way to say that a body is a row of such values, so the schema is that of one line. */
function streamContent(definition: TaskDefinition, chunk: Node | undefined): Record<string, Node> {
  const type = definition.output === undefined ? undefined : streamType(definition);
  if (type === undefined) return { '*/*': {} };
  const isText = /^text\/|json/i.test(type);
  return { [type]: chunk ?? { schema: { type: 'string', ...(!isText && { format: 'binary' }) } } };
}
