// Where an embedded store keeps what is large (inputs and results) and, if it outlives the process, its records. This is
// the contract and the one in memory; the one on disk is disk-shelf.ts.
import type { AnswerHead, JobInput } from './job.js';
import type { JobRecord, WrittenRecord } from './job-table.js';

export interface ShelfResult {
  readonly head: AnswerHead;
  readonly bytes: number;
  /** In pieces; rejects where it is gone meanwhile. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** A result that is being written, piece by piece, until it is put into its place or discarded. */
export interface ResultDraft {
  readonly bytes: number;
  /** @throws Error where it cannot be kept */
  add(piece: Uint8Array): Promise<void>;
  /** Resolves once it is safe, and found. @throws Error */
  put(head: AnswerHead): Promise<void>;
  discard(): void;
}

/** What is written behind its caller's back (`putRecord`, `drop…`) counts as safe once `settled` says so. */
export interface Shelf {
  putRecord(record: JobRecord): void;
  /** Resolves once it is as safe as `settled` makes it. @throws Error */
  putInput(id: string, input: JobInput): Promise<void>;
  /** In a buffer of its own; undefined: it is not there. */
  input(id: string): Promise<JobInput | undefined>;
  dropInput(id: string): void;
  draft(id: string): ResultDraft;
  result(id: string): ShelfResult | undefined;
  dropResult(id: string): void;
  /** Everything of it. */
  drop(id: string): void;
  /** Resolves once all that was put is safe. @throws Error where it cannot be */
  settled(): Promise<void>;
  /** What there is, at the start. */
  written(): readonly WrittenRecord[];
  close(): Promise<void>;
}

export function createMemoryShelf(): Shelf {
  const inputs = new Map<string, JobInput>();
  const results = new Map<string, ShelfResult>();

  return {
    putRecord() {},
    async putInput(id, input) {
      inputs.set(id, input);
    },
    async input(id) {
      const input = inputs.get(id);
      // Whoever gets it may give it away.
      return input && { ...input, body: new Uint8Array(input.body) };
    },
    dropInput: (id) => void inputs.delete(id),
    draft(id) {
      const pieces: Uint8Array[] = [];
      let bytes = 0;
      return {
        get bytes() {
          return bytes;
        },
        async add(piece) {
          bytes += piece.length;
          pieces.push(piece);
        },
        async put(head) {
          results.set(id, { head, bytes, body: eachOf(pieces) });
        },
        discard() {
          pieces.length = 0;
        },
      };
    },
    result: (id) => results.get(id),
    dropResult: (id) => void results.delete(id),
    drop(id) {
      inputs.delete(id);
      results.delete(id);
    },
    settled: () => Promise.resolve(),
    written: () => [],
    async close() {
      inputs.clear();
      results.clear();
    },
  };
}

/** Again for each who reads it. */
function eachOf(pieces: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  return {
    async *[Symbol.asyncIterator]() {
      yield* pieces;
    },
  };
}
