// By what identical calls are known: their task and a digest of their input.
import { hash } from 'node:crypto';
import { serialize } from 'node:v8';
import type { Task } from '../tasks/registry.js';
import type { CallInput } from './call.js';

/** Undefined for what cannot be compared. Two inputs that are alike may have two keys: the order of fields counts. */
export function callKey(task: Task, input: CallInput): string | undefined {
  const bytes = input.type === 'value' ? serialized(input.value) : input.bytes;
  return bytes && `${input.type} ${task.name} ${hash('sha256', bytes, 'base64')}`;
}

/** By value, as a thread would get it; undefined where that could not be. */
function serialized(value: unknown): Uint8Array | undefined {
  try {
    return serialize(value);
  } catch {
    return undefined;
  }
}
