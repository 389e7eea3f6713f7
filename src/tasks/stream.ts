// Runs a task that streams, the same way in every lane: asks its generator for one chunk after the other, as fast as
// they are taken, and ends it when nobody wants more. How a chunk is written is chunks.ts; who takes it, a sink.
import { AppError } from '../errors.js';
import type { TaskDefinition } from '../task.js';
import { isReply, type ReplyOptions, replyOptions } from '../task-reply.js';
import { type Chunk, type ChunkWriter, chunkWriter } from './chunks.js';
import type { ReplyHead } from './reply-head.js';
import type { ResultRules } from './result.js';

/** What the answer says of itself before its first chunk. */
export interface StreamHead {
  readonly contentType: string;
  readonly head?: ReplyHead | undefined;
}

/** Where the chunks of one call go. */
export interface StreamSink {
  /**
   * Sends a chunk on.
   * @param head with the first one, and with no other
   * @returns what is to be waited for before the next one is made
   */
  put(chunk: Chunk, head?: StreamHead): Promise<void> | undefined;
  /** Nobody wants more. */
  readonly isOver: boolean;
  /** Calls back once nobody does, if that is before the stream's end. */
  onOver(stop: () => void): void;
}

export interface TaskStream {
  readonly chunks: AsyncIterable<unknown>;
  /** Of the reply in which it stood. */
  readonly options: ReplyOptions | undefined;
}

/** Whether what `run` returned is to be streamed. */
export function streamOf(value: unknown): TaskStream | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const body: unknown = isReply(value) ? value.body : value;
  return isAsyncIterable(body) ? { chunks: body, options: replyOptions(value) } : undefined;
}

/** As far as its definition tells: a plain function may return a stream, too. */
export const isStreaming = ({ run }: TaskDefinition): boolean =>
  Object.prototype.toString.call(run) === '[object AsyncGeneratorFunction]';

/** Made anew: what was moved to another thread once cannot be moved again, though it is empty (Node 24). */
const nothing = (): Chunk => ({ bytes: new Uint8Array(0), form: 'bytes' });

/**
 * Resolves at the stream's end, also where nobody wanted more.
 * @throws whatever the task throws; AppError TASK_FAILED for a chunk that cannot be sent
 */
export async function sendStream(
  definition: ResultRules,
  { chunks, options }: TaskStream,
  sink: StreamSink,
): Promise<void> {
  const iterator = chunks[Symbol.asyncIterator]();
  let writer: ChunkWriter | undefined;
  let isDone = false;
  let ended: Promise<void> | undefined;
  // At once: one that waits in `next` for what never comes may be told by it (Node's streams are).
  sink.onOver(() => void end());

  function end(): Promise<void> {
    ended ??= endGenerator(chunks, iterator);
    return ended;
  }

  async function next(): Promise<IteratorResult<unknown>> {
    try {
      return await iterator.next();
    } catch (thrown) {
      isDone = true;
      throw thrown;
    }
  }

  /** The first chunk may be a reply, which says what is to be said before it. */
  function open(first: unknown): { readonly chunk: Chunk; readonly head: StreamHead } {
    const said = replyOptions(first);
    const value = isReply(first) ? first.body : first;
    writer = chunkWriter(definition, value, said ?? options);
    const { contentType, head } = writer;
    const isEmpty = value === undefined || (said !== undefined && value === null);
    return { chunk: isEmpty ? nothing() : writer.write(value), head: { contentType, head } };
  }

  function put(value: unknown): Promise<void> | undefined {
    if (writer !== undefined) return sink.put(sound(() => writer?.write(value) ?? nothing()));
    const { chunk, head } = sound(() => open(value));
    return sink.put(chunk, head);
  }

  try {
    while (!sink.isOver) {
      const result = await next();
      if (result.done === true) {
        isDone = true;
        // Nothing came: this is its head.
        if (writer === undefined && !sink.isOver) await put(undefined);
        return;
      }
      if (sink.isOver) return;
      const taken = put(result.value);
      if (taken !== undefined) await taken;
    }
  } finally {
    if (!isDone) await end();
  }
}

/** @throws AppError TASK_FAILED */
function sound<T>(write: () => T): T {
  try {
    return write();
  } catch (cause) {
    throw new AppError('TASK_FAILED', 'The task yielded what cannot be sent.', { cause });
  }
}

/** So that its `finally` runs. What that throws is told to nobody: the call has its end already. */
async function endGenerator(chunks: AsyncIterable<unknown>, iterator: AsyncIterator<unknown>): Promise<void> {
  try {
    if ('destroy' in chunks && typeof chunks.destroy === 'function') chunks.destroy();
    await iterator.return?.();
  } catch {
    // As above.
  }
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    Symbol.asyncIterator in value &&
    typeof value[Symbol.asyncIterator] === 'function'
  );
}
