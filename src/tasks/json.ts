// JSON from strangers: a body's bytes → its value, the same on the event loop and in a thread.
import { AppError } from '../errors.js';
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
  let text: string;
  let value: unknown;
  try {
    text = utf8.decode(bytes);
  } catch (cause) {
    throw new AppError('MALFORMED_BODY', 'The body is not valid UTF-8.', { cause });
  }
  const { fields, hasEscapes } = scan(text);
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
function scan(text: string): { readonly fields: number; readonly hasEscapes: boolean } {
  const hasEscapes = text.includes('\\');
  let fields = 0;
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text.charCodeAt(i);
    if (character === 0x22) i = hasEscapes ? endOfString(text, i) : endOfPlainString(text, i);
    else if (character === 0x3a) fields++;
    else if (character === 0x5b || character === 0x7b) {
      if (++depth > maxDepth)
        throw new AppError('MALFORMED_BODY', `The body is nested deeper than ${maxDepth} levels.`);
    } else if (character === 0x5d || character === 0x7d) depth--;
  }
  return { fields, hasEscapes };
}

/** Where the string that begins at `from` ends. Looked for natively: a small hash is mostly one string, and each byte would cost a ns. */
function endOfPlainString(text: string, from: number): number {
  const end = text.indexOf('"', from + 1);
  return end < 0 ? text.length : end;
}

function endOfString(text: string, from: number): number {
  let i = from + 1;
  while (i < text.length && text.charCodeAt(i) !== 0x22) i += text.charCodeAt(i) === 0x5c ? 2 : 1;
  return i;
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
