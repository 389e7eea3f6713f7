// Whether a request has a body, and whether its connection can outlive an answer that is given before that was read.
import type { IncomingMessage } from 'node:http';

/** A rest that is not longer is read by Node behind the answer, and the connection is kept. */
const shortBodyBytes = 65_536;

export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** True where keeping the connection would bind us to read whatever the client still sends. */
export function leavesLongRest({ complete, headers }: IncomingMessage): boolean {
  if (complete) return false;
  if (headers['transfer-encoding'] !== undefined) return true;
  const announcedBytes = Number(headers['content-length'] ?? 0);
  if (announcedBytes === 0) return false;
  // Where it waits to be asked for its body, whether it will still send that is the client's own choice.
  return announcedBytes > shortBodyBytes || headers.expect !== undefined;
}
