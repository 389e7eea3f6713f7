// Copies what server processes write to their standard output to the primary's, line by line. There must be one writer:
// what several processes write to one pipe is mixed within lines, once the pipe is full or a line longer than 4 KiB.
// A server process that dies leaves what it has written in its own pipe, from where it is still read.
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { LineOutput } from '../log-output.js';

export interface LogRelay {
  /** @param source null where the process writes to our standard output by itself */
  add(source: Readable | null | undefined): void;
  /** Resolves once nothing is to come from any process, or the time has passed. */
  ended(timeoutMs: number): Promise<void>;
}

/** A file takes lines as wholes, whoever writes them; there the processes need nobody in between. */
export function needsRelay(): boolean {
  return process.stdout instanceof Socket;
}

export function createLogRelay(output: LineOutput): LogRelay {
  const open = new Set<Promise<void>>();
  return {
    add(source) {
      // A process that could not be started has none (EMFILE; Node 20 to 26).
      if (source === null || source === undefined) return;
      const ended = relay(source, output).then(() => void open.delete(ended));
      open.add(ended);
    },
    async ended(timeoutMs) {
      let timer: NodeJS.Timeout | undefined;
      const timeout = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, timeoutMs);
      });
      // Something that a task has started may keep its end open.
      await Promise.race([Promise.all(open), timeout]);
      clearTimeout(timer);
    },
  };
}

/** A line that is longer is passed on in parts. */
const longestLineBytes = 1_048_576;

function relay(source: Readable, output: LineOutput): Promise<void> {
  const parts: Uint8Array[] = [];
  let bytes = 0;

  function keep(part: Uint8Array): void {
    if (part.length === 0) return;
    parts.push(part);
    bytes += part.length;
  }
  function pass(): void {
    if (bytes === 0) return;
    output.write(parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts));
    parts.length = 0;
    bytes = 0;
  }
  function passUnended(): void {
    if (bytes === 0) return;
    keep(newline);
    pass();
  }

  source.on('data', (chunk: Buffer) => {
    const end = chunk.lastIndexOf('\n') + 1;
    if (end > 0) {
      keep(chunk.subarray(0, end));
      pass();
    }
    keep(chunk.subarray(end));
    if (bytes > longestLineBytes) passUnended();
  });
  source.on('error', () => {});
  return new Promise((resolve) => {
    source.once('close', () => {
      passUnended();
      resolve();
    });
  });
}

const newline = Buffer.from('\n');
