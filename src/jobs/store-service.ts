// The primary's side of a server process's link to the embedded store: does what store-link.ts asks. When the stream
// ends, however it does, that process is gone, and what it ran is tried again.
import type { Duplex } from 'node:stream';
import type { JoinedStore } from './embedded-store.js';
import { linkFrames, pieceBytes } from './frames.js';
import type { HeldRoom } from './job-table.js';
import { type Ask, smallBytes, toldError } from './link-messages.js';
import type { JobConsumer, JobRun, JobWatch } from './store.js';

type Piece = Uint8Array<ArrayBuffer>;

interface Upload {
  readonly pieces: Piece[];
  readonly room: HeldRoom;
}

export interface StoreService {
  close(): void;
}

export function serveStore(stream: Duplex, store: JoinedStore): StoreService {
  const uploads = new Map<number, Upload>();
  const readers = new Map<number, AsyncIterator<Uint8Array>>();
  const watches = new Map<number, JobWatch>();
  const consumers = new Map<number, JobConsumer>();
  const runs = new Map<number, JobRun>();
  let last = 0;
  let isOver = false;

  const frames = linkFrames(stream, {
    // No other code writes to this stream.
    received: (head, body) => void answer(head as Ask, body),
    ended() {
      isOver = true;
      for (const upload of uploads.keys()) takeUpload(upload);
      for (const reader of readers.keys()) leaveReader(reader);
      runs.clear();
      store.lost();
    },
  });

  async function answer(asked: Ask, body: Piece): Promise<void> {
    const { ask } = asked;
    try {
      const { value, body: piece } = await done(asked, body);
      frames.send({ type: 'answer', ask, value }, piece);
    } catch (error) {
      frames.send({ type: 'refusal', ask, error: toldError(error) });
    }
  }

  async function done(asked: Ask, body: Piece): Promise<{ value: unknown; body?: Uint8Array }> {
    switch (asked.verb) {
      case 'piece': {
        const upload = uploads.get(asked.upload) ?? { pieces: [], room: store.hold() };
        upload.room.take(body.length);
        upload.pieces.push(body);
        uploads.set(asked.upload, upload);
        return nothing;
      }
      case 'unpiece':
        takeUpload(asked.upload);
        return nothing;
      case 'add': {
        const { bytes, ...input } = asked.job.input;
        const whole = asked.upload === null ? body : joined(takeUpload(asked.upload), bytes);
        return { value: await store.add({ ...asked.job, input: { ...input, body: whole } }) };
      }
      case 'get':
        return { value: (await store.get(asked.id)) ?? null };
      case 'list':
        return { value: await store.list(asked.query) };
      case 'cancel':
        return { value: (await store.cancel(asked.id)) ?? null };
      case 'retry':
        return { value: (await store.retry(asked.id)) ?? null };
      case 'counts':
        return { value: await store.counts() };
      case 'result': {
        const result = await store.result(asked.id);
        return { value: result === undefined ? null : { head: result.head, bytes: result.bytes } };
      }
      case 'read': {
        const { value, done } = await (await readerOf(asked.reader, asked.id)).next();
        if (done) readers.delete(asked.reader);
        return { value: { done: done === true }, ...(value instanceof Uint8Array && { body: value }) };
      }
      case 'unread':
        leaveReader(asked.reader);
        return nothing;
      case 'watch': {
        const { watch } = asked;
        const watching = await store.watch(asked.id, (job) => frames.send({ type: 'changed', watch, job }));
        if (watching !== undefined) watches.set(watch, watching);
        return { value: watching !== undefined };
      }
      case 'unwatch':
        watches.get(asked.watch)?.close();
        watches.delete(asked.watch);
        return nothing;
      case 'consume': {
        const { consumer, tasks, atOnce } = asked;
        consumers.set(
          consumer,
          store.consume(tasks, (run) => begin(consumer, run), atOnce),
        );
        return nothing;
      }
      case 'capacity':
        consumers.get(asked.consumer)?.capacity(asked.most);
        return nothing;
      case 'unconsume':
        await consumers.get(asked.consumer)?.close();
        consumers.delete(asked.consumer);
        return nothing;
      case 'input': {
        const input = runs.get(asked.run)?.input.body;
        return { value: null, ...(input && { body: input.subarray(asked.at, asked.at + pieceBytes) }) };
      }
      case 'progress':
        runs.get(asked.run)?.progress(asked.progress);
        return nothing;
      case 'complete': {
        const { run, head, upload } = asked;
        const result = upload === null ? body : eachOf(takeUpload(upload));
        await runs.get(run)?.complete(head, result);
        // Not where it could not be kept: the run goes on.
        runs.delete(run);
        return nothing;
      }
      case 'fail':
        await takeRun(asked.run)?.fail(asked.problem, asked.again);
        return nothing;
      case 'giveBack':
        await takeRun(asked.run)?.giveBack();
        return nothing;
    }
  }

  function takeUpload(number: number): Piece[] {
    const upload = uploads.get(number);
    uploads.delete(number);
    upload?.room.leave();
    return upload?.pieces ?? [];
  }

  /** Whether or not its end can be written down, it has no other. */
  function takeRun(number: number): JobRun | undefined {
    const run = runs.get(number);
    runs.delete(number);
    return run;
  }

  async function readerOf(number: number, id: string): Promise<AsyncIterator<Uint8Array>> {
    const known = readers.get(number);
    if (known !== undefined) return known;
    const result = await store.result(id);
    if (result === undefined || isOver) throw new Error('the result is kept no longer');
    const reader = result.body[Symbol.asyncIterator]();
    readers.set(number, reader);
    return reader;
  }

  /** A reader that is dropped half-way keeps its file open. */
  function leaveReader(number: number): void {
    const reader = readers.get(number);
    readers.delete(number);
    reader?.return?.().catch(() => undefined);
  }

  function begin(consumer: number, begun: JobRun): void {
    const run = ++last;
    runs.set(run, begun);
    const { job, signal } = begun;
    const { body, ...input } = begun.input;
    const isSmall = body.length <= smallBytes;
    const head = { type: 'begin', consumer, run, job, input: { ...input, bytes: body.length } };
    frames.send(head, isSmall ? body : undefined);
    const stop = (): void => frames.send({ type: 'stop', run, reason: String(signal.reason) });
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  }

  return { close: frames.close };
}

const nothing = { value: null };

function joined(pieces: readonly Piece[], bytes: number): Piece {
  const [first] = pieces;
  if (pieces.length === 1 && first !== undefined) return first;
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

async function* eachOf(pieces: readonly Piece[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}
