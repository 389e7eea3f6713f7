// Reads a request's body into memory: bounded, and never more memory than has arrived (times two).
// What may be in it, its media type and encoding, is preconditions.ts.
import type { Request } from 'express';
import { monotonicMs } from '../../clock.js';
import { AppError } from '../../errors.js';

/** The connection ended before the request did. There is nobody to answer. */
export class ClientLeft extends Error {
  override readonly name = 'ClientLeft';
}

/**
 * @param deadlineMs on the clock of monotonicMs()
 * @returns exactly the body, in a buffer of its own, so that it can be moved to a thread
 * @throws AppError BODY_TOO_LARGE, DEADLINE_EXCEEDED; ClientLeft
 */
export function readBody(
  req: Request,
  limitBytes: number,
  deadlineMs: number | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Promise((resolve, reject) => {
    // It will say nothing any more, not even 'close'.
    if (req.destroyed) {
      reject(new ClientLeft('The connection ended before its upload.'));
      return;
    }
    const most = Math.min(Number(req.headers['content-length'] ?? limitBytes), limitBytes);
    // Undefined once this has ended. The listeners stay: to take each off would cost a small call more than it does to ask.
    let bytes: GrowingBytes | undefined = new GrowingBytes(most);
    const timer = deadlineMs === undefined ? undefined : setTimeout(expire, deadlineMs - monotonicMs());

    function expire(): void {
      stop(new AppError('DEADLINE_EXCEEDED', 'The deadline passed while the body arrived.'));
    }
    function stop(error: Error): void {
      bytes = undefined;
      clearTimeout(timer);
      reject(error);
    }
    req.on('data', (chunk: Buffer) => {
      if (bytes === undefined) return;
      if (bytes.length + chunk.length > limitBytes) stop(bodyTooLarge(limitBytes));
      else bytes.append(chunk);
    });
    req.on('end', () => {
      if (bytes === undefined) return;
      clearTimeout(timer);
      resolve(bytes.take());
      bytes = undefined;
    });
    req.on('close', () => {
      if (bytes !== undefined) stop(new ClientLeft('The connection ended during an upload.'));
    });
    // An aborted upload is an 'error' too, and always followed by 'close'; unheard it would be thrown.
    req.on('error', ignore);
  });
}

function ignore(): void {}

export function bodyTooLarge(limitBytes: number): AppError {
  return new AppError('BODY_TOO_LARGE', `The body is larger than ${limitBytes} bytes.`);
}

const nothing = new Uint8Array(0);

/**
 * Bytes that arrive in chunks, copied together as they come. Keeping the chunks would be cheaper for one large
 * upload, and ruinous for one in chunks of a byte: each costs a hundred times its size.
 */
class GrowingBytes {
  #bytes: Uint8Array<ArrayBuffer> = nothing;
  readonly #most: number;
  length = 0;

  /** @param most no more will come */
  constructor(most: number) {
    this.#most = most;
  }

  append(chunk: Buffer): void {
    const length = this.length + chunk.length;
    const { buffer } = chunk;
    // Node gives each chunk memory of its own (seen in 20, 24 and 26): a body that comes in one piece is not copied.
    if (this.length === 0 && buffer instanceof ArrayBuffer && buffer.byteLength === length) {
      this.#bytes = new Uint8Array(buffer);
      this.length = length;
      return;
    }
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(
        Math.min(Math.max(length, this.#bytes.length * 2), Math.max(length, this.#most)),
      );
      grown.set(this.#bytes.subarray(0, this.length));
      this.#bytes = grown;
    }
    this.#bytes.set(chunk, this.length);
    this.length = length;
  }

  take(): Uint8Array<ArrayBuffer> {
    return this.length === this.#bytes.length ? this.#bytes : this.#bytes.slice(0, this.length);
  }
}
