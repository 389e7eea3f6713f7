// Sends an answer chunk by chunk, as fast as its client reads and no faster: who reads the chunks slowly makes their task
// wait. Its head goes with the first one, so what goes wrong before is an answer like any other; what goes wrong behind
// it cuts the connection, for only that shows the client that something is missing.
import { setImmediate } from 'node:timers/promises';
import type { Response } from 'express';
import { AppError, toAppError } from '../../errors.js';
import { CallCancelled, type CallStream } from '../../lane/call.js';
import { isEvents } from '../../tasks/chunks.js';

/** Why an answer that had begun does not end. */
export class BrokenAnswer extends Error {
  override readonly name = 'BrokenAnswer';
  readonly error: AppError;
  /** What was written and has not left yet is not waited for. */
  readonly isCut: boolean;

  constructor(error: AppError, isCut: boolean) {
    super(error.message);
    this.isCut = isCut;
    const { code, message, cause, task } = error;
    this.error = new AppError(code, `${message} The answer had begun: its connection was cut.`, {
      cause: cause ?? error,
    });
    this.error.task = task;
  }
}

/**
 * @param setHead sets status and headers
 * @throws BrokenAnswer; before the first chunk the call's own error
 */
export async function answerStream(
  res: Response,
  stream: CallStream,
  contentType: string,
  setHead: () => void,
): Promise<void> {
  try {
    for await (const { bytes } of stream) {
      if (!res.headersSent) {
        setHead();
        // nginx would keep events until its buffer is full.
        if (isEvents(contentType)) res.setHeader('X-Accel-Buffering', 'no');
        if (bytes.length === 0) res.flushHeaders();
      }
      if (bytes.length > 0 && !res.write(bytes)) await drained(res, stream.cut);
      flush(res);
    }
  } catch (error) {
    if (!res.headersSent || error instanceof CallCancelled) throw error;
    // What was written in this turn is on its way only behind it.
    if (!stream.cut.aborted) await setImmediate();
    throw new BrokenAnswer(toAppError(error), stream.cut.aborted);
  }
  res.end();
}

/** There is room again, or nobody to make some: what then is shows the stream. */
function drained(res: Response, cut: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (res.destroyed || cut.aborted) return resolve();
    const goOn = (): void => {
      res.off('drain', goOn).off('close', goOn);
      cut.removeEventListener('abort', goOn);
      resolve();
    };
    res.once('drain', goOn).once('close', goOn);
    cut.addEventListener('abort', goOn);
  });
}

/** Middleware that compresses (`compression`) keeps what it has until it is told not to. */
function flush(res: Response): void {
  const flushNow: unknown = Reflect.get(res, 'flush');
  if (typeof flushNow === 'function') Reflect.apply(flushNow, res, []);
}

/** Ends the connection so that no client takes the answer for whole. */
export function breakOff(res: Response, isCut: boolean): void {
  const { socket } = res;
  // Without chunks (HTTP/1.0) the end of the connection is the end of the answer; only a reset is none.
  if (socket !== null && res.req.httpVersion === '1.0') reset(socket);
  else if (socket === null || isCut) res.destroy();
  else socket.destroySoon();
}

function reset(socket: NonNullable<Response['socket']>): void {
  try {
    socket.resetAndDestroy();
  } catch {
    // No TCP: a socket of the file system has no reset.
    socket.destroy();
  }
}
