// Ends connections whose clients take nothing of their answers: Node gives them all the time in the world. And those
// whose clients ended their side, where nothing is sent for as long: most of them have left.
import type { Socket } from 'node:net';
import type { Connections } from './connections.js';

declare module 'node:net' {
  interface Socket {
    /** Not documented, the same from Node 20 to 26. Without it, an answer in one piece is progress only as a whole. */
    readonly _handle?: { readonly writeQueueSize?: number } | null;
  }
}

/** Checks until stopped. A client has at least `sendTimeoutMs` from its last progress, and at most a second more. */
export function watchSending(connections: Connections, sendTimeoutMs: number): { stop(): void } {
  const timer = setInterval(
    () => checkSending(connections, sendTimeoutMs),
    Math.min(500, Math.ceil(sendTimeoutMs / 4)),
  );
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

function checkSending(connections: Connections, sendTimeoutMs: number): void {
  const nowMs = performance.now();
  for (const connection of connections) {
    const { socket, stuck } = connection;
    if (socket.writableLength === 0 && !connection.isHalfClosed) {
      connection.stuck = undefined;
      continue;
    }
    const position = positionOf(socket);
    if (stuck?.position !== position) connection.stuck = { position, sinceMs: nowMs };
    else if (nowMs - stuck.sinceMs >= sendTimeoutMs) socket.destroy();
  }
}

/** Changes with every byte that gets away: whole pieces, less what the system has not taken of the one on its way. */
function positionOf(socket: Socket): number {
  return socket.bytesWritten - socket.writableLength - (socket._handle?.writeQueueSize ?? 0);
}
