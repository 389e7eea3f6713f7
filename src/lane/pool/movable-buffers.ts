// Which bytes of an input go to the thread as they are, without a copy.
import type { CallInput } from '../call.js';

/** Below this a copy is cheaper than a move, and the call can be sent again if its thread dies before it began. */
const moveFromBytes = 16_384;

/** The large buffers of an input that belong to it alone: the body as it came, or byte fields of a value. */
export function movableBuffers(input: CallInput): ArrayBuffer[] {
  if (input.type === 'check' || (input.type === 'value' && input.keep === true)) return [];
  const fields =
    input.type === 'json'
      ? [input.bytes]
      : typeof input.value === 'object' && input.value !== null
        ? Object.values(input.value)
        : [];
  const buffers = fields.flatMap((field: unknown) =>
    field instanceof Uint8Array &&
    field.buffer instanceof ArrayBuffer &&
    field.byteLength >= moveFromBytes &&
    field.byteLength === field.buffer.byteLength
      ? [field.buffer]
      : [],
  );
  // One that stands in two fields moves once.
  return [...new Set(buffers)];
}
