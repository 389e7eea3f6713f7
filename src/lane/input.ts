// From bytes or values to a task's validated input, the same on the event loop and in a thread.
import type { z } from 'zod';
import { AppError, type InputIssue } from '../errors.js';
import type { TaskDefinition } from '../task.js';
import { repeatedField } from './repeated-field.js';

/** Arrays and objects may be nested this deep, a bound that no sensible input meets. */
const maxDepth = 64;

/** Drops a byte order mark: JSON should not begin with one, and what writes it is not the caller's choice (RFC 8259, 8.1). */
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * A JSON body's value.
 * @throws AppError MALFORMED_BODY where it is not UTF-8, not JSON, or nested too deep; INVALID_INPUT for a repeated field
 */
export function parseJson(bytes: Uint8Array): unknown {
  const { fields, hasEscapes } = scan(bytes);
  let text: string;
  let value: unknown;
  try {
    text = utf8.decode(bytes);
  } catch (cause) {
    throw new AppError('MALFORMED_BODY', 'The body is not valid UTF-8.', { cause });
  }
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AppError('MALFORMED_BODY', 'The body is not valid JSON.', { cause });
  }
  // JSON.parse keeps the last of two fields of one name; the value then has fewer than the text. With escapes that is
  // not sure: V8 has been seen to list such a field twice (Node 26), so they are looked at one by one.
  const mayRepeat = hasEscapes || fieldsIn(value, fields) < fields;
  const path = mayRepeat ? repeatedField(text) : undefined;
  if (path !== undefined) throw repeated(path);
  return value;
}

/** How many fields a JSON text has, one a colon, and whether a string in it has an escape. @throws AppError MALFORMED_BODY where it is nested too deep */
function scan(bytes: Uint8Array): { readonly fields: number; readonly hasEscapes: boolean } {
  let fields = 0;
  let hasEscapes = false;
  let depth = 0;
  let inString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (inString) {
      if (byte === 0x5c) {
        hasEscapes = true;
        i++;
      } else if (byte === 0x22) inString = false;
    } else if (byte === 0x22) inString = true;
    else if (byte === 0x3a) fields++;
    else if (byte === 0x5b || byte === 0x7b) {
      if (++depth > maxDepth)
        throw new AppError('MALFORMED_BODY', `The body is nested deeper than ${maxDepth} levels.`);
    } else if (byte === 0x5d || byte === 0x7d) depth--;
  }
  return { fields, hasEscapes };
}

/** How many fields a value has. Looks no further than to `enough`: a matrix has few, beside all its numbers. */
function fieldsIn(value: unknown, enough: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = Array.isArray(value) ? 0 : Object.keys(value).length;
  if (count >= enough) return count;
  const parts: unknown[] = Array.isArray(value) ? value : Object.values(value);
  for (let i = 0; i < parts.length && count < enough; i++) {
    if (typeof parts[i] === 'object') count += fieldsIn(parts[i], enough - count);
  }
  return count;
}

function repeated(path: string): AppError {
  const issue = { path, message: 'The field is given more than once.' };
  return new AppError('INVALID_INPUT', 'The body has a field twice.', { issues: [issue] });
}

/**
 * The value as the task's `run` gets it.
 * @throws AppError INVALID_INPUT with every issue found (at most 20), TASK_FAILED where the schema itself throws
 */
export function validateInput({ input }: Pick<TaskDefinition, 'input'>, value: unknown): unknown {
  const parsed = parseBy(input, value);
  if (parsed.success) return parsed.data;
  throw new AppError('INVALID_INPUT', 'The input does not fit its schema.', {
    issues: inputIssues(parsed.error),
  });
}

function parseBy(schema: z.ZodType, value: unknown): z.ZodSafeParseResult<unknown> {
  try {
    return schema.safeParse(value);
  } catch (cause) {
    throw new AppError('TASK_FAILED', 'The task failed.', { cause });
  }
}

/** More are not told. */
const mostIssues = 20;

/** A schema's complaints as a caller reads them: each at its own field. */
export function inputIssues(error: z.ZodError): InputIssue[] {
  return error.issues.slice(0, mostIssues).flatMap(fieldIssues).slice(0, mostIssues);
}

function fieldIssues(issue: z.core.$ZodIssue): InputIssue[] {
  const path = issue.path.map(String);
  if (issue.code !== 'unrecognized_keys') return [{ path: path.join('.'), message: issue.message }];
  // One issue may name a hundred thousand of them.
  return issue.keys
    .slice(0, mostIssues)
    .map((key) => ({ path: [...path, key].join('.'), message: 'There is no such field.' }));
}
