// What a task returned → what is sent: the same check in every lane. JSON or bytes, else TASK_FAILED.
import type { z } from 'zod';
import { AppError } from '../errors.js';
import type { BytesOutput, OutputSpec, TaskDefinition } from '../task.js';

export interface EncodedResult {
  readonly contentType: string;
  readonly body: string | Uint8Array;
}

export const jsonType = 'application/json; charset=utf-8';

/** @throws AppError TASK_FAILED where the value is neither JSON of a declared schema nor declared bytes */
export function encodeResult(definition: TaskDefinition, value: unknown): EncodedResult {
  try {
    return value instanceof Uint8Array ? encodeBytes(definition, value) : encodeJson(definition, value);
  } catch (cause) {
    throw new AppError('TASK_FAILED', 'The task returned what cannot be sent.', { cause });
  }
}

function encodeBytes({ output }: TaskDefinition, body: Uint8Array): EncodedResult {
  if (output === undefined) return { contentType: 'application/octet-stream', body };
  const declared = outputs(output).find((one): one is BytesOutput => 'contentType' in one);
  if (declared === undefined) throw new TypeError('bytes, but no output { contentType } is declared');
  return { contentType: declared.contentType, body };
}

function encodeJson({ output }: TaskDefinition, value: unknown): EncodedResult {
  const fitted = output === undefined ? value : matchSchema(outputs(output), value);
  requireJson(fitted, 'the result');
  // Undefined all the same where a toJSON answers now this, now that.
  const body: string | undefined = JSON.stringify(fitted);
  if (body === undefined) throw new TypeError('the result has no JSON');
  return { contentType: jsonType, body };
}

function matchSchema(declared: readonly OutputSpec[], value: unknown): unknown {
  // Made only where it is thrown: an Error costs more than all the rest, for its stack.
  let mismatch: unknown;
  for (const schema of declared) {
    if ('contentType' in schema) continue;
    const parsed = (schema as z.ZodType).safeParse(value);
    if (parsed.success) return parsed.data;
    mismatch = parsed.error;
  }
  throw mismatch ?? new TypeError('JSON, but no output schema is declared');
}

function outputs(output: OutputSpec | readonly OutputSpec[]): readonly OutputSpec[] {
  return Array.isArray(output) ? output : [output as OutputSpec];
}

/** JSON.stringify drops functions, turns NaN to null and a Map to {}: a caller would be told nonsense with a 200. */
function requireJson(given: unknown, where: string): void {
  const value = jsonOf(given, where);
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return;
    case 'number':
      if (Number.isFinite(value)) return;
      break;
    case 'object': {
      if (value === null) return;
      if (Array.isArray(value)) {
        for (let i = 0; i < value.length; i++) requireJson(value[i], where);
        return;
      }
      const prototype: unknown = Object.getPrototypeOf(value);
      if (prototype !== Object.prototype && prototype !== null) break;
      for (const [key, field] of Object.entries(value)) if (field !== undefined) requireJson(field, key);
      return;
    }
  }
  throw new TypeError(`${where} is no JSON value but ${Object.prototype.toString.call(value)}`);
}

/** What JSON.stringify writes in place of a value, by its toJSON; that of a Date makes null of one that is invalid. */
function jsonOf(value: unknown, where: string): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (!('toJSON' in value) || typeof value.toJSON !== 'function') return value;
  if (value instanceof Date && Number.isNaN(value.getTime()))
    throw new TypeError(`${where} is an invalid Date`);
  return value.toJSON('');
}
