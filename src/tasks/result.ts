// What a task returned → what is sent: the same check in every lane. JSON or bytes, else TASK_FAILED.
import type { z } from 'zod';
import { AppError } from '../errors.js';
import { jsonType } from '../media-types.js';
import type { BytesOutput, OutputSpec, TaskDefinition } from '../task.js';
import { isReply, replyOptions, type TaskReply } from '../task-reply.js';
import { inputIssues } from './input.js';
import { placeOf, requireJson } from './json-fault.js';
import { isBodiless, type ReplyHead, replyHead } from './reply-head.js';

export interface EncodedResult {
  readonly contentType: string;
  readonly body: string | Uint8Array;
  /** Of a reply that has one of its own. */
  readonly head?: ReplyHead;
}

/** What may be returned. */
export interface ResultRules {
  /** `json`: any, where there is no schema, as in a thread that has loaded the work alone. */
  readonly output?: ResultRule | readonly ResultRule[] | undefined;
  /** Where the work is in a file of its own, which has no schema: JSON is taken at its type's word, wherever it runs. */
  readonly runFrom?: URL | undefined;
}

type ResultRule = OutputSpec | 'json';

/** The rules for who has no schemas. */
export function withoutSchemas({ output }: TaskDefinition): ResultRules['output'] {
  return output === undefined
    ? output
    : outputs(output).map((one) => (isBytesOutput(one) ? { contentType: one.contentType } : 'json'));
}

/** @throws AppError TASK_FAILED where the value is neither JSON of a declared schema nor declared bytes */
export function encodeResult(definition: ResultRules, value: unknown): EncodedResult {
  try {
    if (value instanceof Uint8Array) return encodeBytes(definition, value);
    return isReply(value) ? encodeReply(definition, value) : encodeJson(definition, value);
  } catch (cause) {
    throw new AppError('TASK_FAILED', 'The task returned what cannot be sent.', { cause });
  }
}

function encodeReply(definition: ResultRules, value: TaskReply): EncodedResult {
  const options = replyOptions(value) ?? {};
  const { contentType, status = 200 } = options;
  const { body } = value;
  if (isBodiless(status)) {
    const isEmpty = body === undefined || body === null || body === '';
    if (!isEmpty && !(body instanceof Uint8Array && body.length === 0))
      throw new TypeError(`a reply of status ${status} has no body`);
    return { contentType: '', body: '', head: replyHead(options, 'bytes') };
  }
  const isBytes = body instanceof Uint8Array;
  if (contentType !== undefined && (isBytes || typeof body === 'string'))
    return { contentType, body, head: replyHead(options, isBytes ? 'bytes' : 'text') };
  const encoded = isBytes ? encodeBytes(definition, body) : encodeJson(definition, body);
  return {
    contentType: contentType ?? encoded.contentType,
    body: encoded.body,
    head: replyHead(options, isBytes ? 'bytes' : 'json'),
  };
}

function encodeBytes(definition: ResultRules, body: Uint8Array): EncodedResult {
  if (definition.output === undefined) return { contentType: 'application/octet-stream', body };
  const contentType = declaredType(definition);
  if (contentType === undefined) throw new TypeError('bytes, but no output { contentType } is declared');
  return { contentType, body };
}

function encodeJson(definition: ResultRules, value: unknown): EncodedResult {
  const schemas = definition.output === undefined ? undefined : declaredSchemas(definition);
  return { contentType: jsonType, body: jsonText(schemas, value) };
}

/**
 * @param schemas of which it must fit one; undefined: any JSON will do
 * @throws TypeError that says what is wrong
 */
export function jsonText(schemas: readonly JsonSchema[] | undefined, value: unknown): string {
  const fitted = schemas === undefined ? value : matchSchema(schemas, value);
  requireJson(fitted);
  // Undefined all the same where a toJSON answers now this, now that.
  const text: string | undefined = JSON.stringify(fitted);
  if (text === undefined) throw new TypeError('the result has no JSON');
  return text;
}

function matchSchema(declared: readonly JsonSchema[], value: unknown): unknown {
  // Made only where it is thrown: an Error costs more than all the rest, for its stack.
  let mismatch: z.ZodError | undefined;
  for (const schema of declared) {
    const parsed = schema.safeParse(value);
    if (parsed.success) return parsed.data;
    mismatch = parsed.error;
  }
  if (mismatch === undefined) throw new TypeError('JSON, but no output schema is declared');
  const issues = inputIssues(mismatch).map(({ path, message }) => `${placeOf(path)}: ${message}`);
  throw new TypeError(`it does not fit the output schema: ${issues.join('; ')}`);
}

/** The content type that its `output` declares for bytes. */
export const declaredType = ({ output }: ResultRules): string | undefined =>
  outputs(output).find(isBytesOutput)?.contentType;

/** As far as it is used here. */
export type JsonSchema = Pick<z.ZodType, 'safeParse'>;

const anyJson: JsonSchema = { safeParse: (data) => ({ success: true, data }) };

/** Those of its `output` that describe JSON. */
export const declaredSchemas = ({ output, runFrom }: ResultRules): readonly JsonSchema[] =>
  outputs(output)
    .filter((one): one is Exclude<ResultRule, BytesOutput> => !isBytesOutput(one))
    .map((one) => (one === 'json' || runFrom !== undefined ? anyJson : one));

function outputs(output: ResultRules['output']): readonly ResultRule[] {
  if (output === undefined) return [];
  return isList(output) ? output : [output];
}

function isList(output: ResultRule | readonly ResultRule[]): output is readonly ResultRule[] {
  return Array.isArray(output);
}

function isBytesOutput(rule: ResultRule): rule is BytesOutput {
  return typeof rule === 'object' && 'contentType' in rule;
}
