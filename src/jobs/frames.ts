// Messages with bytes over a stream of bytes: a head (JSON) and a body. Frames are small (a large body travels in several,
// each of them asked for or acknowledged), so that neither side is ever held up by one.
import type { Duplex } from 'node:stream';

export interface FrameLink {
  send(head: object, body?: Uint8Array): void;
  close(): void;
}

export interface FrameEvents {
  /** The body is in a buffer of its own. */
  received(head: unknown, body: Uint8Array<ArrayBuffer>): void;
  /** Nothing comes any more. Once. */
  ended(): void;
}

/** A large body's pieces. */
export const pieceBytes = 262_144;
const prefixBytes = 8;
/** Nobody sends such frames: the stream is not what it should be. */
const mostBytes = 67_108_864;
const nothing = new Uint8Array(0);

export function linkFrames(stream: Duplex, events: FrameEvents): FrameLink {
  let chunks: Buffer[] = [];
  let held = 0;
  let wanted = prefixBytes;
  let isOver = false;

  function end(): void {
    if (isOver) return;
    isOver = true;
    chunks = [];
    stream.destroy();
    events.ended();
  }

  function take(): Buffer {
    const [first] = chunks;
    const all = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, held);
    chunks = [];
    held = 0;
    return all;
  }

  stream.on('data', (chunk: Buffer) => {
    if (isOver) return;
    chunks.push(chunk);
    held += chunk.length;
    if (held < wanted) return;
    const all = take();
    let at = 0;
    wanted = prefixBytes;
    while (!isOver && all.length - at >= prefixBytes) {
      const headBytes = all.readUInt32LE(at);
      const frameBytes = prefixBytes + headBytes + all.readUInt32LE(at + 4);
      if (frameBytes > mostBytes) {
        end();
        return;
      }
      if (all.length - at < frameBytes) {
        wanted = frameBytes;
        break;
      }
      const bodyAt = at + prefixBytes + headBytes;
      const head: unknown = JSON.parse(all.toString('utf8', at + prefixBytes, bodyAt));
      at += frameBytes;
      events.received(head, new Uint8Array(all.subarray(bodyAt, at)));
    }
    if (at < all.length && !isOver) {
      chunks.push(all.subarray(at));
      held = all.length - at;
    }
  });
  // A stream that fails is closed then.
  stream.on('error', () => undefined);
  stream.once('end', end).once('close', end);

  return {
    send(head, body = nothing) {
      if (isOver) return;
      const text = Buffer.from(JSON.stringify(head));
      const prefix = Buffer.alloc(prefixBytes);
      prefix.writeUInt32LE(text.length, 0);
      prefix.writeUInt32LE(body.length, 4);
      stream.cork();
      stream.write(prefix);
      stream.write(text);
      if (body.length > 0) stream.write(body);
      stream.uncork();
    },
    close: end,
  };
}

/** The pieces of what is there, and of what comes: small parts together, large ones apart. */
export async function* piecesOf(body: AsyncIterable<Uint8Array> | Uint8Array): AsyncGenerator<Uint8Array> {
  if (body instanceof Uint8Array) {
    yield* split(body);
    return;
  }
  let held: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body) {
    held.push(part);
    bytes += part.length;
    if (bytes < pieceBytes / 4) continue;
    yield* split(joined(held, bytes));
    held = [];
    bytes = 0;
  }
  if (bytes > 0) yield* split(joined(held, bytes));
}

function joined(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const [first] = parts;
  return parts.length === 1 && first !== undefined ? first : Buffer.concat(parts, bytes);
}

function* split(body: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < body.length; at += pieceBytes) yield body.subarray(at, at + pieceBytes);
}
