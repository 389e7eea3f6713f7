import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonType } from '#src/media-types.js';
import type { CallReply } from '#src/tasks/reply.js';
import { readReplies, writeReplies } from '#src/thread/reply-buffer.js';

const done = fc.record({
  type: fc.constant('done' as const),
  contentType: fc.constant(jsonType),
  body: fc.json(),
  runMs: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
  sync: fc.boolean(),
});
const failed = fc.record({
  type: fc.constant('failed' as const),
  code: fc.constant('TASK_FAILED' as const),
  detail: fc.string({ unit: 'grapheme' }),
  runMs: fc.nat(),
  sync: fc.boolean(),
});
const reply: fc.Arbitrary<CallReply> = fc.oneof(done, failed, fc.constant({ type: 'skipped' as const }));

describe('the replies of a row', () => {
  it('gives back what was written, and is unharmed by what did not fit', () => {
    fc.assert(
      fc.property(
        fc.array(reply, { maxLength: 20 }),
        fc.integer({ min: 0, max: 2_000 }),
        (replies, bytes) => {
          const memory = Buffer.alloc(bytes + 8, 0xff);
          const written = writeReplies(memory.subarray(0, bytes));
          const kept = replies.filter((one) => written.append(one));
          expect(readReplies(memory, kept.length)).toEqual(kept);
          expect(memory.subarray(bytes)).toEqual(Buffer.alloc(8, 0xff));
        },
      ),
    );
  });

  it('takes what just fits, in bytes', () => {
    const entry: CallReply = { type: 'done', contentType: jsonType, body: '"é€"', runMs: 1.5, sync: true };
    const bytes = 14 + Buffer.byteLength('"é€"');
    expect(writeReplies(Buffer.alloc(bytes)).append(entry)).toBe(true);
    expect(writeReplies(Buffer.alloc(bytes - 1)).append(entry)).toBe(false);
  });

  it.each([
    ['bytes', new Uint8Array(1), jsonType],
    ['a text that is no JSON', 'text', 'text/plain'],
  ])('leaves %s to be posted', (_, body, contentType) => {
    const written = writeReplies(Buffer.alloc(1_000));
    expect(written.append({ type: 'done', contentType, body, runMs: 1, sync: true })).toBe(false);
  });
});
