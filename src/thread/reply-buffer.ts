// A message's replies in its row's shared memory, one entry after the other. Written by the thread, read by the lane;
// what does not fit is posted instead. An entry: its length, then whether it is a JSON result. Such a result: whether
// its run was synchronous, how long it took, its body. Anything else: the reply as JSON.

import { jsonType } from '../media-types.js';
import type { CallReply } from '../tasks/reply.js';

const isResultAt = 4;
const replyAt = 5;
const syncAt = 5;
const runMsAt = 6;
const bodyAt = 14;

export interface JournalWriter {
  /** False where the reply does not fit any more (or holds bytes, or has a head of its own): nothing was written. */
  append(reply: CallReply): boolean;
}

export function writeReplies(memory: Buffer): JournalWriter {
  let at = 0;

  /** Ends the entry, whose text begins there. */
  function end(text: string, textAt: number): boolean {
    const room = memory.length - at - textAt;
    if (text.length > room || (text.length * 3 > room && Buffer.byteLength(text) > room)) return false;
    const length = textAt + memory.write(text, at + textAt, 'utf8');
    memory.writeUInt32LE(length, at);
    at += length;
    return true;
  }

  return {
    append(reply) {
      if (memory.length - at < bodyAt) return false;
      const isDone = reply.type === 'done';
      if (isDone && (typeof reply.body !== 'string' || reply.contentType !== jsonType || reply.head))
        return false;
      memory[at + isResultAt] = isDone ? 1 : 0;
      if (!isDone) return end(JSON.stringify(reply), replyAt);
      memory[at + syncAt] = reply.sync ? 1 : 0;
      memory.writeDoubleLE(reply.runMs, at + runMsAt);
      return end(String(reply.body), bodyAt);
    },
  };
}

/** The first `count` replies. */
export function readReplies(memory: Buffer, count: number): CallReply[] {
  const replies: CallReply[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const next = at + memory.readUInt32LE(at);
    if (memory[at + isResultAt] === 1) {
      replies.push({
        type: 'done',
        contentType: jsonType,
        body: memory.toString('utf8', at + bodyAt, next),
        runMs: memory.readDoubleLE(at + runMsAt),
        sync: memory[at + syncAt] === 1,
      });
    } else {
      // Written by `append` alone, so the cast restores what was there.
      replies.push(JSON.parse(memory.toString('utf8', at + replyAt, next)) as CallReply);
    }
    at = next;
  }
  return replies;
}
