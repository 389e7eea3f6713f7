// How our side of a connection ends.
import type { Connection } from './connections.js';

/** A closed connection still reads for this long, so that an answer is not lost to a reset (RFC 9112, 9.6). */
const lingerMs = 1_000;

/**
 * In place of Node's destroySoon: ends our side, then reads on for a while. Closing a socket that has unread bytes
 * resets the connection, and the reset can overtake the answer.
 */
export function linger(connection: Connection): void {
  const { socket } = connection;
  if (connection.state === 'lingering' || socket.destroyed) return;
  connection.state = 'lingering';
  connection.discardBody();
  let timer: NodeJS.Timeout | undefined;
  socket.once('finish', () => {
    timer = setTimeout(() => socket.destroy(), lingerMs);
  });
  socket.once('close', () => clearTimeout(timer));
  socket.end();
}
