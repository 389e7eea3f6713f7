// The chunks of one call on their way from its task to whoever reads them, at the reader's pace: what was put and not
// yet taken is kept here, and whoever puts is told what was taken. How far it may be ahead is up to that one.
import type { CallStream, StreamChunk } from './call.js';
import { withResolvers } from './with-resolvers.js';

export interface OpenStream {
  readonly stream: CallStream;
  put(chunk: StreamChunk): void;
  /** Nothing more comes. Idempotent, as all ends: the first one counts. */
  end(): void;
  /** The same, for a fault: told behind what was put. */
  fail(error: Error): void;
  /** Nobody may have more of it: what was put is dropped. */
  cut(error: Error): void;
}

export interface OpenStreamEvents {
  taken(bytes: number, chunks: number): void;
  /** The reader wants no more. Not where nothing more would have come. */
  left(): void;
}

/** So much is told at once, that not each chunk is a message. Far less than a thread's window: nobody waits for the rest. */
const together = { bytes: 65_536, chunks: 8 };

/** @param told how much is told at once: either */
export function openStream(events: OpenStreamEvents, told = together): OpenStream {
  const ended = withResolvers<void>();
  const cutting = new AbortController();
  let waiting: StreamChunk[] = [];
  let readers: Reader[] = [];
  let isOver = false;
  let fault: Error | undefined;
  let givenBytes: number | undefined;
  let bytes = 0;
  let chunks = 0;

  /** Whoever asks for the next chunk is done with the one before. */
  function take(): void {
    if (givenBytes === undefined) return;
    bytes += givenBytes;
    chunks++;
    givenBytes = undefined;
    if (isOver || (bytes < told.bytes && chunks < told.chunks)) return;
    events.taken(bytes, chunks);
    bytes = 0;
    chunks = 0;
  }

  function give(chunk: StreamChunk): IteratorResult<StreamChunk> {
    givenBytes = chunk.bytes.length;
    return { value: chunk, done: false };
  }

  /** The reader is at the end of what was put. */
  function finish(): Promise<IteratorResult<StreamChunk>> {
    const error = fault;
    fault = undefined;
    return error === undefined ? Promise.resolve(end) : Promise.reject(error);
  }

  function over(error: Error | undefined): void {
    if (isOver) return;
    isOver = true;
    fault = error;
    ended.resolve();
    const asking = readers;
    readers = [];
    for (const { resolve, reject } of asking) finish().then(resolve, reject);
  }

  const iterator: AsyncIterator<StreamChunk> = {
    next() {
      take();
      const chunk = waiting.shift();
      if (chunk !== undefined) return Promise.resolve(give(chunk));
      if (isOver) return finish();
      return new Promise((resolve, reject) => {
        readers.push({ resolve, reject });
      });
    },
    return() {
      waiting = [];
      if (!isOver) {
        over(undefined);
        events.left();
      }
      fault = undefined;
      return Promise.resolve(end);
    },
  };

  return {
    stream: {
      [Symbol.asyncIterator]: () => iterator,
      ended: ended.promise,
      cut: cutting.signal,
    },
    put(chunk) {
      if (isOver) return;
      const reader = readers.shift();
      if (reader === undefined) waiting.push(chunk);
      else reader.resolve(give(chunk));
    },
    end: () => over(undefined),
    fail: over,
    cut(error) {
      if (isOver) return;
      waiting = [];
      over(error);
      cutting.abort(error);
    },
  };
}

interface Reader {
  readonly resolve: (result: IteratorResult<StreamChunk>) => void;
  readonly reject: (error: Error) => void;
}

const end: IteratorResult<StreamChunk> = { value: undefined, done: true };
