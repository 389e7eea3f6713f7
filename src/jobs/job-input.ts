// From a job's input, as it was given, to what a call works on. The same when the job is accepted, by which it is refused
// where it does not fit, and when it runs.
import { deserialize, serialize } from 'node:v8';
import type { CallInput } from '../lane/call.js';
import { jsonType } from '../media-types.js';
import { inputFromBytes } from '../tasks/from-bytes.js';
import { validateInput } from '../tasks/input.js';
import { parseJson } from '../tasks/json.js';
import type { Task } from '../tasks/registry.js';
import type { JobInput } from './job.js';

/** A JSON body beyond this is parsed and validated in the thread: here it would hold up every light route. */
export const largestJsonOnLoopBytes = 32_768;

/** @throws AppError MALFORMED_BODY, INVALID_INPUT, TASK_FAILED */
export function callInputOf({ definition }: Task, { kind, body, query, contentType }: JobInput): CallInput {
  switch (kind) {
    case 'json':
      if (body.length > largestJsonOnLoopBytes) return { type: 'json', bytes: body };
      return { type: 'value', value: validateInput(definition, parseJson(body)) };
    case 'bytes':
      return { type: 'value', value: inputFromBytes(definition, body, query, contentType) };
    case 'value':
      return { type: 'value', value: validateInput(definition, deserialize(body)) };
  }
}

/** What a program gives. @throws DataCloneError for what cannot be kept */
export function inputOfValue(value: unknown): JobInput {
  return { kind: 'value', contentType: jsonType, query: {}, body: new Uint8Array(serialize(value)) };
}
