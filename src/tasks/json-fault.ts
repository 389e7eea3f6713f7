// Why a result is no JSON, in words that name the place. JSON.stringify drops functions, turns NaN to null and a Map to
// {}: a caller would be told nonsense with a 200.
import { reasonOf } from './error-report.js';

interface Fault {
  /** From the inside out. */
  readonly path: (string | number)[];
  readonly trouble: string;
}

/** @throws TypeError for the first value that JSON does not have */
export function requireJson(result: unknown): void {
  let fault: Fault | undefined;
  try {
    fault = faultOf(result);
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown;
    // The stack is full: nested without end, or so deep that JSON.stringify would not reach the ground either.
    fault = cycleOf(result) ?? { path: [], trouble: 'is nested too deep' };
  }
  if (fault !== undefined)
    throw new TypeError(`${placeOf(fault.path.toReversed().join('.'))} ${fault.trouble}`);
}

/** Of a path like `a.0.b`; empty: the whole. */
export function placeOf(path: string): string {
  return path === '' ? 'the result' : `result.${path}`;
}

function faultOf(given: unknown): Fault | undefined {
  let value: unknown;
  try {
    value = jsonOf(given);
  } catch (thrown) {
    return unreadable(thrown);
  }
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : here(`is ${value}, which JSON does not have`);
    case 'object':
      return value === null ? undefined : objectFault(value);
    case 'undefined':
      return here(value === given ? 'is undefined' : 'has a toJSON that returns undefined');
    case 'bigint':
      return here('is a BigInt, which JSON does not have: return String(…) of it');
    default:
      return here(`is a ${typeof value}`);
  }
}

function objectFault(value: object): Fault | undefined {
  try {
    if (Array.isArray(value)) {
      for (let i = 0; i < value.length; i++) {
        const fault = faultOf(value[i]);
        if (fault !== undefined) return inside(i, fault);
      }
      return undefined;
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) return here(instanceTrouble(value));
    for (const [key, field] of Object.entries(value)) {
      const fault = field === undefined ? undefined : faultOf(field);
      if (fault !== undefined) return inside(key, fault);
    }
    return undefined;
  } catch (thrown) {
    const fault = unreadable(thrown);
    const key = throwingKey(value);
    return key === undefined ? fault : inside(key, fault);
  }
}

/** A getter has thrown, a toJSON, or the trap of a proxy. @throws RangeError where the stack is full */
function unreadable(thrown: unknown): Fault {
  if (thrown instanceof RangeError) throw thrown;
  return here(`cannot be read: ${reasonOf(thrown)}`);
}

function throwingKey(value: object): string | undefined {
  try {
    return Object.keys(value).find((key) => {
      try {
        Reflect.get(value, key);
        return false;
      } catch {
        return true;
      }
    });
  } catch {
    return undefined;
  }
}

/** What JSON.stringify writes in place of a value, by its toJSON; that of a Date makes null of one that is invalid. */
function jsonOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (!('toJSON' in value) || typeof value.toJSON !== 'function') return value;
  if (value instanceof Date && Number.isNaN(value.getTime())) return value;
  return value.toJSON('');
}

function instanceTrouble(value: object): string {
  if (value instanceof Date) return 'is an invalid Date';
  const name = classOf(value);
  if (value instanceof Error) return `is an error (${name}): throw it`;
  if ('then' in value && typeof value.then === 'function') return 'is a promise: await it';
  if (value instanceof Map || value instanceof Set) return `is a ${name}: return a plain object or an array`;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer)
    return `is a ${name}: bytes can be sent only as the whole result, as a Uint8Array`;
  if (isStream(value)) return `is a stream (${name}): return what it gives`;
  return `is an instance of ${name}: return a plain object, or give the class a toJSON`;
}

function isStream(value: object): boolean {
  return 'pipe' in value || 'getReader' in value || Symbol.asyncIterator in value;
}

function classOf(value: object): string {
  const made = value.constructor;
  return typeof made === 'function' && made.name !== '' ? made.name : 'a class';
}

function here(trouble: string): Fault {
  return { path: [], trouble };
}

function inside(key: string | number, fault: Fault): Fault {
  fault.path.push(key);
  return fault;
}

/** The first way from a value back to itself. Without recursion: the stack was full once already. */
function cycleOf(root: unknown): Fault | undefined {
  const above: { readonly value: object; readonly left: [string, unknown][] }[] = [];
  const depths = new Map<object, number>();
  const path: string[] = [];
  const done = new WeakSet<object>();

  function enter(value: object): void {
    depths.set(value, above.length);
    above.push({ value, left: Object.entries(value).toReversed() });
  }
  if (typeof root === 'object' && root !== null) enter(root);
  for (let at = above.at(-1); at !== undefined; at = above.at(-1)) {
    const next = at.left.pop();
    if (next === undefined) {
      depths.delete(at.value);
      done.add(at.value);
      above.pop();
      path.pop();
      continue;
    }
    const [key, value] = next;
    if (typeof value !== 'object' || value === null || done.has(value)) continue;
    const back = depths.get(value);
    if (back !== undefined) {
      const target = placeOf(path.slice(0, back).join('.'));
      return { path: [...path, key].toReversed(), trouble: `is a cycle: it is ${target} again` };
    }
    path.push(key);
    enter(value);
  }
  return undefined;
}
