// The primary's side of a server process's link to the embedded store: does what store-link.ts asks. When the stream
// ends, however it does, that process is gone, and what it ran is tried again.
import type { Duplex } from 'node:stream';
import type { JoinedStore } from './embedded-store.js';
import { linkFrames, pieceBytes } from './frames.js';
import { type Ask, smallBytes, toldError } from './link-messages.js';
import type { JobConsumer, JobRun, JobWatch } from './store.js';

type Piece = Uint8Array<ArrayBuffer>;

export interface StoreService {
  close(): void;
}

export function serveStore(stream: Duplex, store: JoinedStore): StoreService {
  const uploads = new Map<number, Piece[]>();
  const readers = new Map<number, AsyncIterator<Uint8Array>>();
  const watches = new Map<number, JobWatch>();
  const consumers = new Map<number, JobConsumer>();
  const runs = new Map<number, JobRun>();
  let last = 0;

  const frames = linkFrames(stream, {
    // No other code writes to this stream.
    received: (head, body) => void answer(head as Ask, body),
    ended() {
      uploads.clear();
      readers.clear();
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
        const pieces = uploads.get(asked.upload) ?? [];
        pieces.push(body);
        uploads.set(asked.upload, pieces);
        return nothing;
      }
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
        if (result === undefined) return nothing;
        const reader = ++last;
        readers.set(reader, result.body[Symbol.asyncIterator]());
        return { value: { reader, head: result.head, bytes: result.bytes } };
      }
      case 'read': {
        const { value, done } = (await readers.get(asked.reader)?.next()) ?? { value: undefined, done: true };
        if (done) readers.delete(asked.reader);
        return { value: { done: done === true }, ...(value instanceof Uint8Array && { body: value }) };
      }
      case 'unread':
        readers.delete(asked.reader);
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
        const { consumer } = asked;
        consumers.set(
          consumer,
          store.consume(asked.tasks, (run) => begin(consumer, run)),
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
        runs.delete(run);
        return nothing;
      }
      case 'fail':
        await runs.get(asked.run)?.fail(asked.problem, asked.again);
        runs.delete(asked.run);
        return nothing;
      case 'giveBack':
        await runs.get(asked.run)?.giveBack();
        runs.delete(asked.run);
        return nothing;
    }
  }

  function takeUpload(upload: number): Piece[] {
    const pieces = uploads.get(upload) ?? [];
    uploads.delete(upload);
    return pieces;
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
