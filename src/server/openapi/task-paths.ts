// The operations of the CPU routes, from what their tasks declare: POST of JSON or bytes, and the GET form.
import { z } from 'zod';
import { dictionary } from '../../dictionary.js';
import type { TaskDefinition } from '../../task.js';
import { streamType } from '../../tasks/chunks.js';
import type { Task } from '../../tasks/registry.js';
import { isStreaming } from '../../tasks/stream.js';
import { querySchema } from '../request/query-form.js';
import { type Access, quotaHeaders, securityOf } from './access.js';
import type { Components, Node, Reference } from './components.js';
import { headerParameters, headersOf } from './headers.js';
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
    parameters: [...(beside ?? []), ...headerParameters(components)],
    requestBody: {
      required: true,
      ...(most !== undefined && { description: `At most ${most} bytes.` }),
      content: { 'application/json': json, ...bytes },
    },
    responses: {
      200: okResponse(components, task, access),
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
    ],
    responses: {
      200: okResponse(components, task, access),
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

/** What the task answers, however it was asked. */
function okResponse(components: Components, { name, definition }: Task, { quota }: Access): Reference {
  return components.share('responses', `${name}.answer`, () => {
    const outputs = [definition.output ?? z.unknown()].flat();
    const content: Record<string, Node> = {};
    const schemas: z.ZodType[] = [];
    for (const output of outputs) {
      if ('contentType' in output) content[output.contentType] = {};
      else schemas.push(output);
    }
    const [first, second] = schemas;
    const whole = first && (second === undefined ? first : z.union(schemas));
    const json = whole && { schema: shareSchema(components, `${name}.output`, whole, 'output') };
    const isStream = isStreaming(definition);
    if (isStream) Object.assign(content, streamContent(definition, json));
    else if (json !== undefined) content['application/json'] = json;
    return {
      description: isStream ? 'What the task answers, sent as it comes.' : 'What the task answered.',
      headers: headersOf(components, ['Server-Timing', 'Cache-Control', ...(quota ? quotaHeaders : [])]),
      content,
    };
  });
}

/** A document has no way to say that a body is a row of such values, so the schema is that of one line. */
function streamContent(definition: TaskDefinition, chunk: Node | undefined): Record<string, Node> {
  const type = definition.output === undefined ? undefined : streamType(definition);
  if (type === undefined) return { '*/*': {} };
  const isText = /^text\/|json/i.test(type);
  return { [type]: chunk ?? { schema: { type: 'string', ...(!isText && { format: 'binary' }) } } };
}
