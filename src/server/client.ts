// Who calls: the name under which a client's calls take turns and appear in the log.
import type { IncomingMessage } from 'node:http';

/** The peer's address; an IPv4 address looks the same on a dual-stack socket. */
export function clientOf(req: IncomingMessage): string {
  const address = req.socket.remoteAddress ?? 'unknown';
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}
