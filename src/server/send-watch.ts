// Ends connections whose clients take nothing of their answers. Node gives them all the time in the world.
import type { Connections } from './connections.js';

/** Checks until stopped; a client is late by at most a second more than `sendTimeoutMs`. */
export function watchSending(connections: Connections, sendTimeoutMs: number): { stop(): void } {
  const timer = setInterval(
    () => checkSending(connections, sendTimeoutMs),
    Math.min(1_000, Math.ceil(sendTimeoutMs / 4)),
  );
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

/**
 * While bytes of an answer wait for their client, its socket has a timeout, which every byte that gets away restarts; it is not armed while a call is computed.
 */
function checkSending(connections: Connections, sendTimeoutMs: number): void {
  for (const connection of connections) {
    const { socket } = connection;
    if (socket.writableLength > 0) {
      if (connection.sendTimer === 'off') socket.setTimeout(sendTimeoutMs);
      connection.sendTimer = 'armed';
    } else if (connection.sendTimer === 'armed') {
      connection.sendTimer = 'off';
      // Without an answer due, the timeout is Node's own for idle connections by now.
      if (connection.lastDue !== undefined) socket.setTimeout(0);
    }
  }
}
