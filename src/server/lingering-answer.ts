// Answers a client that is still sending. Ending the socket with unread bytes in it makes the kernel reset the
// connection, and the reset can overtake the answer: so the answer is written whole, what still comes is read and
// dropped for a while, and only then the exchange ends.
import type { Request, Response } from 'express';
import type { AppError } from '../errors.js';

/** How long a client may go on sending before it is cut. Most stop, or have sent all, long before. */
const lingerMs = 10_000;

/** A rest that is not longer is read by Node after an ordinary answer, and the connection is kept. */
const shortBodyBytes = 65_536;

/** True where an ordinary answer could be lost, or would bind us to read whatever the client still sends. */
export function mustLinger(req: Request, res: Response, error: AppError): boolean {
  if (req.complete || req.destroyed) return false;
  const { headers } = req;
  const announcedBytes = Number(headers['content-length'] ?? 0);
  if (headers['transfer-encoding'] === undefined && announcedBytes === 0) return false;
  return (
    announcedBytes === 0 ||
    announcedBytes > shortBodyBytes ||
    // Whether the client will send its body is now its own choice.
    headers.expect !== undefined ||
    !res.shouldKeepAlive ||
    error.code === 'BODY_TOO_LARGE' ||
    error.code === 'SHUTTING_DOWN'
  );
}

export function answerDuringUpload(
  req: Request,
  res: Response,
  status: number,
  contentType: string,
  body: string,
): void {
  res.statusCode = status;
  res.setHeader('Connection', 'close');
  res.setHeader('Content-Type', contentType);
  res.setHeader('Content-Length', Buffer.byteLength(body));
  // The length tells the client that the answer is complete, although the response is not ended yet.
  if (req.method === 'HEAD') res.flushHeaders();
  else res.write(body);
  req.exchange.answeredMs = performance.now();

  const end = () => res.end();
  const timer = setTimeout(end, lingerMs);
  req.once('end', end);
  res.once('close', () => clearTimeout(timer));
  req.resume();
}
