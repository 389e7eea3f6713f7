// A batch's results in a row's shared memory, one entry after the other: uint32 length, then the reply as JSON.
// Written by the thread, read by the lane; what does not fit travels with the message's answer instead.
import type { CallReply } from './thread-protocol.js';

const lengthBytes = 4;

export interface JournalWriter {
  /** False where the reply does not fit any more (or holds bytes): nothing was written. */
  append(reply: CallReply): boolean;
}

export function writeJournal(memory: Buffer): JournalWriter {
  let at = 0;
  return {
    append(reply) {
      if (reply.type === 'done' && typeof reply.body !== 'string') return false;
      const text = JSON.stringify(reply);
      const room = memory.length - at - lengthBytes;
      if (text.length > room || Buffer.byteLength(text) > room) return false;
      const written = memory.write(text, at + lengthBytes, 'utf8');
      memory.writeUInt32LE(written, at);
      at += lengthBytes + written;
      return true;
    },
  };
}

/** The first `count` replies. */
export function readJournal(memory: Buffer, count: number): CallReply[] {
  const replies: CallReply[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const length = memory.readUInt32LE(at);
    replies.push(
      JSON.parse(memory.toString('utf8', at + lengthBytes, at + lengthBytes + length)) as CallReply,
    );
    at += lengthBytes + length;
  }
  return replies;
}
