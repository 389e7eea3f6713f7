// Inputs and results in Redis: in pieces, so that a large one holds nobody up, each under its number, so that one that is
// sent again is there once.
import type { RedisLink } from './connections.js';

/** An input of up to this is written with its job, in one go, and read with it; a result is written with its end. */
export const smallBytes = 262_144;
/** Of what is written before it is known to count: a process may die over it. */
const draftMs = 3_600_000;

export async function writePiece(
  { client }: RedisLink,
  key: string,
  index: number,
  piece: Uint8Array,
): Promise<void> {
  const pipeline = client
    .pipeline()
    .hset(key, String(index), Buffer.from(piece.buffer, piece.byteOffset, piece.length));
  const replies = (await (index === 0 ? pipeline.pexpire(key, draftMs) : pipeline).exec()) ?? [];
  for (const [error] of replies) if (error) throw error;
}

/** @throws Error where it is gone, or goes meanwhile */
export async function* readPieces(
  { client }: RedisLink,
  key: string,
  bytes: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let left = bytes;
  for (let index = 0; left > 0; index++) {
    const piece = await client.hgetBuffer(key, String(index));
    if (piece === null) throw new Error('It is kept no longer.');
    left -= piece.length;
    yield new Uint8Array(piece);
  }
}

/** In a buffer of its own. */
export async function readWhole(
  link: RedisLink,
  key: string,
  bytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for await (const piece of readPieces(link, key, bytes)) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
