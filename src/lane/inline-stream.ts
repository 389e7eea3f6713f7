// A call on the event loop that streams: its chunks go straight to who reads them, one at a time. Only where there are no
// threads (tests that are to be debugged), or where its author vouched for what is not so.
import type { StreamHead, StreamSink } from '../tasks/stream.js';
import type { CallStream } from './call.js';
import { type OpenStream, openStream } from './call-stream.js';

export interface InlineStream {
  readonly sink: StreamSink;
  /** Once its first chunk is there. */
  readonly open: OpenStream | undefined;
  /** The call is to stop: nobody waits for it. */
  stop(): void;
}

export interface InlineStreamEvents {
  first(head: StreamHead, stream: CallStream): void;
  /** Its reader has left. */
  left(): void;
}

/** @param isLate asked before every chunk */
export function createInlineStream(isLate: () => boolean, events: InlineStreamEvents): InlineStream {
  let open: OpenStream | undefined;
  let isStopped = false;
  let goOn: (() => void) | undefined;
  let onOver: (() => void) | undefined;

  function begin(head: StreamHead): OpenStream {
    // What is taken in part is not told: here it is asked for, chunk by chunk.
    const begun = openStream({ taken: () => goOn?.(), left: events.left }, { bytes: 0, chunks: 1 });
    events.first(head, begun.stream);
    return begun;
  }

  return {
    sink: {
      put(chunk, head) {
        if (head !== undefined) open = begin(head);
        open?.put(chunk);
        return new Promise((resolve) => {
          goOn = resolve;
        });
      },
      get isOver() {
        return isStopped || isLate();
      },
      onOver(stop) {
        onOver = stop;
      },
    },
    get open() {
      return open;
    },
    stop() {
      isStopped = true;
      goOn?.();
      onOver?.();
    },
  };
}
