// What a task file must export: the types of task.ts at run time, for modules that had no compiler. Everything that
// the routes and the API's description will ask of a definition is asked here first, where the file can be named.
import { z } from 'zod';
import type { TaskDefinition } from '../task.js';
import { reasonOf } from './error-report.js';
import { inputIssues } from './input.js';
import { fieldValues } from './input-shapes.js';
import { soundContentType } from './reply-head.js';
import { isStreaming } from './stream.js';

/** Why a default export cannot be served, or undefined. Throws whatever its getters throw. */
export function definitionFault(exported: unknown): string | undefined {
  if (typeof exported !== 'object' || exported === null) return 'has no default export made by defineTask';
  const shape = definitionShape.safeParse(exported);
  if (!shape.success) return `${firstIssue(shape.error)}${zod3Hint(exported)}`;
  const definition = exported as TaskDefinition;
  if (definition.accepts && !definition.fromBytes)
    return 'accepts needs fromBytes, which makes the input from such a body';
  return (
    routeFault(definition) ??
    shareFault(definition) ??
    descriptionFault(definition) ??
    pathParamFault(definition) ??
    exampleFault(definition)
  );
}

const callable = z.custom((value) => typeof value === 'function', 'must be a function');
const schema = z.custom(isZod4, 'must be a zod 4 schema');
/** What may stand in a Content-Type header. */
const contentType = z.string().regex(soundContentType, 'must be a media type');
const mediaRange = z
  .string()
  .regex(/^(?:\*|[\w.+-]+)\/(?:\*|[\w.+-]+)$/, 'must be a media type, or a range such as image/*');
/** What may stand in a header field. */
const headerText = z.string().regex(/^[\t\x20-\x7e]+$/, 'must be the value of a header field');
const atLeastOne = z.int().min(1).optional();
const outputRule = 'must be a zod 4 schema, { contentType }, or a list of these';
const output = z.union([schema, z.strictObject({ contentType })], outputRule);
const outputs = z.union([output, z.array(output).min(1)], outputRule);
const replyStatus = z.string().regex(/^2\d\d$/, 'must be a status from 200 to 299');
const describedReply = z.strictObject({
  description: z.string().optional(),
  output: outputs.optional(),
  headers: z.array(z.string().regex(/^[\w-]+$/, 'must be the name of a header field')).optional(),
});

const definitionShape = z.strictObject({
  summary: z.string().optional(),
  description: z.string().optional(),
  route: z.literal(false, 'must be false, or left out: it is the name of the file').optional(),
  input: schema,
  output: outputs.optional(),
  replies: z.record(replyStatus, describedReply).optional(),
  examples: z.array(z.unknown()).optional(),
  query: z.union([z.boolean(), schema], 'must be true, false or a zod 4 schema').optional(),
  pathParam: z
    .string()
    .regex(/^[A-Za-z_]\w*$/, 'must be a name of letters, digits and _')
    .optional(),
  fromBytes: callable.optional(),
  accepts: z.array(mediaRange).min(1).optional(),
  limits: z
    .strictObject({ runMs: atLeastOne, waitMs: atLeastOne, concurrent: atLeastOne, bodyBytes: atLeastOne })
    .optional(),
  bytesQuery: schema.optional(),
  kind: callable.optional(),
  cost: callable.optional(),
  inline: z.union([z.boolean(), callable], 'must be true, false or a function').optional(),
  share: z
    .union(
      [
        z.boolean(),
        z.strictObject({
          ttlMs: z.int().min(1),
          maxBytes: z.int().min(1),
          cacheControl: headerText.optional(),
        }),
      ],
      'must be true, false or { ttlMs, maxBytes }, both whole numbers from 1 on',
    )
    .optional(),
  setup: callable.optional(),
  run: callable,
  runFrom: z
    .instanceof(URL, { error: 'must be a URL, as new URL(file, import.meta.url) makes it' })
    .optional(),
});

/** Zod 4 schemas carry `_zod`, whichever copy of zod made them; zod 3's only `_def`. */
function isZod4(value: unknown): value is z.ZodType {
  return typeof value === 'object' && value !== null && '_zod' in value && 'safeParse' in value;
}

function zod3Hint(exported: object): string {
  const old = ['input', 'query', 'output'].find((field) => isZod3(Reflect.get(exported, field)));
  return old === undefined ? '' : ` (${old} is a zod 3 schema)`;
}

function isZod3(value: unknown): boolean {
  return typeof value === 'object' && value !== null && '_def' in value && !('_zod' in value);
}

function routeFault(definition: TaskDefinition): string | undefined {
  if (definition.route !== false) return undefined;
  const idle = (['query', 'pathParam', 'fromBytes', 'accepts', 'bytesQuery'] as const).find(
    (field) => definition[field],
  );
  return idle === undefined ? undefined : `${idle} needs a route, and route is false`;
}

/** The API's description is made from the same schemas. */
function descriptionFault({
  input,
  query,
  bytesQuery,
  output = [],
  replies = {},
}: TaskDefinition): string | undefined {
  const inputs = Object.entries({ input, query, bytesQuery });
  const outputs = [output].flat().map((one) => ['output', one] as const);
  const described = Object.entries(replies).flatMap(([status, reply]) =>
    [reply.output ?? []].flat().map((one) => [`replies.${status}.output`, one] as const),
  );
  for (const [field, schema] of [...inputs, ...outputs, ...described]) {
    if (!isZod4(schema)) continue;
    try {
      z.toJSONSchema(schema, { unrepresentable: 'any', io: field.endsWith('output') ? 'output' : 'input' });
    } catch {
      return `${field}: has no JSON schema, so the API could not be described`;
    }
  }
  return undefined;
}

function shareFault(definition: TaskDefinition): string | undefined {
  if (!definition.share) return undefined;
  if (isStreaming(definition)) return 'share: a stream has one reader, so a task that streams cannot share';
  return definition.inline
    ? 'share and inline: a call that runs inline is over before another one comes; leave one of them out'
    : undefined;
}

function pathParamFault({ input, query, pathParam }: TaskDefinition): string | undefined {
  if (pathParam === undefined) return undefined;
  if (!query) return 'pathParam needs query: it is a part of the GET form';
  return fieldValues(input, pathParam)?.size === 0
    ? `pathParam: the input has no field ${JSON.stringify(pathParam)}`
    : undefined;
}

function exampleFault({ examples = [], ...definition }: TaskDefinition): string | undefined {
  for (const [index, example] of examples.entries()) {
    try {
      const parsed = definition.input.safeParse(example);
      if (!parsed.success) return `examples.${index} does not fit the input: ${firstIssue(parsed.error)}`;
      describe(definition, example, parsed.data);
    } catch (thrown) {
      return `examples.${index} makes the task throw (schemas must be synchronous): ${reasonOf(thrown)}`;
    }
  }
  return undefined;
}

/** What the API's description will do with an example, for what it throws. */
function describe({ query, kind }: Partial<TaskDefinition>, example: unknown, input: unknown): void {
  if (typeof query === 'object') query.safeParse(example);
  kind?.(input);
  JSON.stringify(example);
}

function firstIssue(error: z.ZodError): string {
  const [issue] = inputIssues(error);
  return `${issue?.path ? `${issue.path}: ` : ''}${issue?.message}`;
}
