// Connections that no server process can take at the moment: first come, first out, bounded in number and in time.
import { monotonicMs } from '../clock.js';
import type { SocketHandle } from '../socket-handle.js';

export interface WaitingConnection {
  readonly connection: SocketHandle;
  readonly sinceMs: number;
}

export interface WaitingLimits {
  /** Those beyond are closed at once. */
  readonly mostWaiting: number;
  /** Then a connection is closed, unless somebody who is merely busy is about to take it. */
  readonly longestWaitMs: number;
}

const lookAgainMs = 500;

export type ClosedBecause = 'too many' | 'too late' | 'nobody';

export interface WaitingConnections {
  readonly size: number;
  add(connection: SocketHandle): void;
  /** The one that has waited longest. */
  next(): WaitingConnection | undefined;
  /** One that `next` gave and nobody took. */
  putBack(waiting: WaitingConnection): void;
  closeAll(): void;
}

export function createWaitingConnections(
  { mostWaiting, longestWaitMs }: WaitingLimits,
  isHopeful: () => boolean,
  onClosed: (because: ClosedBecause) => void,
): WaitingConnections {
  const row: WaitingConnection[] = [];
  /** For the first in the row; the others came later. */
  let timer: NodeJS.Timeout | undefined;

  function close({ connection }: WaitingConnection, because: ClosedBecause): void {
    connection.close();
    onClosed(because);
  }

  function watch(leastMs = 1): void {
    const [first] = row;
    if (first !== undefined)
      timer ??= setTimeout(closeLate, Math.max(leastMs, first.sinceMs + longestWaitMs - monotonicMs()));
  }

  function closeLate(): void {
    timer = undefined;
    if (isHopeful()) {
      watch(lookAgainMs);
      return;
    }
    const bornMs = monotonicMs() - longestWaitMs;
    for (let [first] = row; first !== undefined && first.sinceMs <= bornMs; [first] = row) {
      row.shift();
      close(first, 'too late');
    }
    watch();
  }

  return {
    get size() {
      return row.length;
    },
    add(connection) {
      const waiting = { connection, sinceMs: monotonicMs() };
      if (row.length >= mostWaiting) return close(waiting, 'too many');
      row.push(waiting);
      watch();
    },
    next: () => row.shift(),
    putBack(waiting) {
      row.unshift(waiting);
      watch();
    },
    closeAll() {
      clearTimeout(timer);
      timer = undefined;
      for (const waiting of row.splice(0)) close(waiting, 'nobody');
    },
  };
}
