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

/** @throws AppError TASK_FAILED where the value is neither JSON of a declared schema nor declared bytes */
export function encodeResult(definition: TaskDefinition, value: unknown): EncodedResult {
  try {
    if (value instanceof Uint8Array) return encodeBytes(definition, value);
    return isReply(value) ? encodeReply(definition, value) : encodeJson(definition, value);
  } catch (cause) {
    throw new AppError('TASK_FAILED', 'The task returned what cannot be sent.', { cause });
  }
}

function encodeReply(definition: TaskDefinition, value: TaskReply): EncodedResult {
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

function encodeBytes({ output }: TaskDefinition, body: Uint8Array): EncodedResult {
  if (output === undefined) return { contentType: 'application/octet-stream', body };
  const declared = outputs(output).find((one): one is BytesOutput => 'contentType' in one);
  if (declared === undefined) throw new TypeError('bytes, but no output { contentType } is declared');
  return { contentType: declared.contentType, body };
}

function encodeJson({ output }: TaskDefinition, value: unknown): EncodedResult {
  const fitted = output === undefined ? value : matchSchema(outputs(output), value);
  requireJson(fitted);
  // Undefined all the same where a toJSON answers now this, now that.
  const body: string | undefined = JSON.stringify(fitted);
  if (body === undefined) throw new TypeError('the result has no JSON');
  return { contentType: jsonType, body };
}

function matchSchema(declared: readonly OutputSpec[], value: unknown): unknown {
  // Made only where it is thrown: an Error costs more than all the rest, for its stack.
  let mismatch: z.ZodError | undefined;
  for (const schema of declared) {
    if ('contentType' in schema) continue;
    const parsed = (schema as z.ZodType).safeParse(value);
    if (parsed.success) return parsed.data;
    mismatch = parsed.error;
  }
  if (mismatch === undefined) throw new TypeError('JSON, but no output schema is declared');
  const issues = inputIssues(mismatch).map(({ path, message }) => `${placeOf(path)}: ${message}`);
  throw new TypeError(`it does not fit the output schema: ${issues.join('; ')}`, { cause: mismatch });
}

function outputs(output: OutputSpec | readonly OutputSpec[]): readonly OutputSpec[] {
  return Array.isArray(output) ? output : [output as OutputSpec];
}
