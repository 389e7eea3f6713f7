// How our side of a connection ends.
import type { Connection } from './connections.js';

/** Who has been silent for so long has sent all of it. */
const silenceMs = 1_000;
/** So often a client is found to be still sending, then it is cut. */
const mostTimes = 10;

/**
 * In place of Node's destroySoon: ends our side, then reads and drops what still comes (RFC 9112, 9.6). Closing a
 * socket that has unread bytes resets the connection, and the reset can overtake the answer.
 */
export function linger(connection: Connection): void {
  const { socket } = connection;
  if (connection.state === 'lingering' || socket.destroyed) return;
  connection.state = 'lingering';
  connection.discardBody();
  let timer: NodeJS.Timeout | undefined;
  socket.once('finish', () => {
    let { bytesRead } = socket;
    let times = 0;
    timer = setInterval(() => {
      times++;
      if (socket.bytesRead === bytesRead || times === mostTimes) socket.destroy();
      bytesRead = socket.bytesRead;
    }, silenceMs);
  });
  socket.once('close', () => clearInterval(timer));
  socket.end();
}
