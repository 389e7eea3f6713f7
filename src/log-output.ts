// Standard output as the log writes it: whole lines in their order, and no more of them in memory than a bound. A reader
// that stalls (a full pipe, a terminal that was stopped) costs lines, which are counted, and neither memory nor service.
// What a line looks like is log.ts.
import type { Writable } from 'node:stream';

export interface LineOutput {
  /** @param lines whole ones, as text or as its UTF-8 */
  write(lines: string | Uint8Array): void;
  /** Writes it with others, within 20 ms: for lines that are many. What is written meanwhile comes behind it. */
  gather(line: string): void;
  /** Resolves once the system has all of it, its reader is gone, or the time has passed. */
  flush(timeoutMs: number): Promise<void>;
}

export interface LineOutputOptions {
  /** What stands where lines were dropped: a line. */
  readonly notice: (dropped: number) => string;
  readonly mostWaitingBytes?: number;
}

/**
 * @param stream one that never blocks, or one that always takes what it is given, such as a file
 */
export function createLineOutput(
  stream: Writable,
  { notice, mostWaitingBytes = 4 * 1_048_576 }: LineOutputOptions,
): LineOutput {
  let dropped = 0;
  let gathered = '';
  let timer: NodeJS.Timeout | undefined;

  function gather(line: string): void {
    gathered += line;
    if (gathered.length >= gatheredBytes) pass();
    else timer ??= setTimeout(pass, gatherMs).unref();
  }

  function pass(): void {
    clearTimeout(timer);
    timer = undefined;
    if (gathered === '') return;
    const lines = gathered;
    gathered = '';
    put(lines);
  }

  /** Tells how many are missing, in the place where they are. */
  function resume(): void {
    if (dropped === 0) return;
    stream.write(notice(dropped));
    dropped = 0;
  }

  function put(lines: string | Uint8Array): void {
    // Its reader has left: nobody will miss them.
    if (stream.destroyed) return;
    const waiting = stream.writableLength;
    // Once it was full it takes lines again when half of it is gone: there is one notice for many lines.
    if (dropped > 0 ? waiting > mostWaitingBytes / 2 : waiting + lines.length > mostWaitingBytes) {
      // The last lines of all may be among them.
      if (dropped === 0) stream.once('drain', resume);
      dropped += countLines(lines);
      return;
    }
    resume();
    stream.write(lines);
  }

  return {
    write(lines) {
      pass();
      put(lines);
    },
    gather,
    flush(timeoutMs) {
      pass();
      return new Promise((resolve) => {
        if (stream.destroyed || stream.writableLength === 0) {
          resolve();
          return;
        }
        const timer = setTimeout(resolve, timeoutMs);
        // Called behind all that waits, also where that comes to nothing.
        stream.write('', () => {
          clearTimeout(timer);
          resolve();
        });
      });
    },
  };
}

const gatherMs = 20;
const gatheredBytes = 16_384;

const newline = 0x0a;

function countLines(lines: string | Uint8Array): number {
  let count = 0;
  for (let i = 0; i < lines.length; i++) {
    const code = typeof lines === 'string' ? lines.charCodeAt(i) : lines[i];
    if (code === newline) count++;
  }
  return count;
}
