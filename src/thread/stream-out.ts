// Inside a thread: where the chunks of a call that streams go out. No further than a window ahead of who takes them, so
// that a client that reads slowly pauses the generator, and what waits for it is bounded.
import type { Chunk } from '../tasks/chunks.js';
import type { StreamHead, StreamSink } from '../tasks/stream.js';

/**
 * How far the chunks may be ahead, in bytes; one chunk may reach beyond. And in number: what a thread has sent the event
 * loop takes in one go, some 5 µs for each.
 */
const windowBytes = 262_144;
const windowChunks = 32;

export interface StreamOut extends StreamSink {
  /** A chunk was sent: the call's reply has to come behind it. */
  readonly hasBegun: boolean;
  taken(bytes: number, chunks: number): void;
  /** To be called again and again: looks whether the call is to stop. */
  look(): void;
  /** The call has its reply: nothing more is sent. */
  close(): void;
}

/** @param isStopped asked before every chunk, so it must cost little */
export function createStreamOut(
  send: (chunk: Chunk, head: StreamHead | undefined) => void,
  isStopped: () => boolean,
): StreamOut {
  let bytesAhead = 0;
  let chunksAhead = 0;
  let hasBegun = false;
  let isClosed = false;
  let goOn: (() => void) | undefined;
  let stop: (() => void) | undefined;

  const isOver = (): boolean => isClosed || isStopped();
  const isFull = (): boolean => bytesAhead >= windowBytes || chunksAhead >= windowChunks;

  function look(): void {
    if (goOn !== undefined && (isOver() || !isFull())) {
      goOn();
      goOn = undefined;
    }
    if (stop !== undefined && isOver()) {
      stop();
      stop = undefined;
    }
  }

  return {
    get hasBegun() {
      return hasBegun;
    },
    get isOver() {
      return isOver();
    },
    put(chunk, head) {
      if (isOver()) return undefined;
      hasBegun = true;
      bytesAhead += chunk.bytes.length;
      chunksAhead++;
      send(chunk, head);
      if (!isFull()) return undefined;
      return new Promise((resolve) => {
        goOn = resolve;
      });
    },
    onOver(callback) {
      stop = callback;
    },
    taken(bytes, chunks) {
      bytesAhead -= bytes;
      chunksAhead -= chunks;
      look();
    },
    look,
    close() {
      isClosed = true;
      look();
    },
  };
}
