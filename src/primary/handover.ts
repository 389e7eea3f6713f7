// Gives each new connection to a server process: round robin, one at a time each, so that a busy process is passed over.
// Where connections come from is public-port.ts; where those wait that nobody can take, waiting-connections.ts.
//
// A process that has no free file descriptor cannot receive a connection, and Node drops it with no word to either
// program (its own cluster module then never gives that process another one; seen in 20.20 to 26.10). So a connection
// stays open here until the process has said that it has it, and goes to the next one where it says that it has not,
// or dies.
import type { Logger } from '../log.js';
import type { SocketHandle } from '../socket-handle.js';
import {
  createWaitingConnections,
  type WaitingConnection,
  type WaitingLimits,
} from './waiting-connections.js';

/** A server process that takes connections. */
export interface Taker {
  readonly pid: number;
  /** @param settle called once: whether it has the connection */
  give(connection: SocketHandle, settle: (taken: boolean) => void): void;
}

export interface HandoverOptions extends WaitingLimits {
  readonly log: Logger;
  /** How long a process that could not receive a connection is given none. */
  readonly restMs: number;
  /** Trouble is over when there was none for so long. */
  readonly calmMs: number;
}

export interface Handover {
  /** Connections that no process has. */
  readonly waiting: number;
  /** Processes are there, but none of them could receive the last connection that it was given. */
  readonly isBlocked: boolean;
  /** Called when `isBlocked` has changed. */
  onBlocked: () => void;
  offer(connection: SocketHandle): void;
  /** From now on it is given connections. Idempotent. */
  join(taker: Taker): void;
  /** It is given nothing from now on; what was given to it before, it has before any later message. */
  leave(taker: Taker): void;
  /** Resolves when no connection waits any more: those for which nobody is left, or the time, are closed. */
  finish(timeoutMs: number): Promise<void>;
}

const troubles = {
  'no descriptor':
    'a server process cannot receive new connections: it has no free file descriptor (ulimit -n)',
  'too late': 'new connections are closed: no server process took them within HEADERS_TIMEOUT_MS',
  'too many': 'new connections are closed: too many wait for a server process',
  nobody: 'new connections are closed: no server process is left',
} as const;

export function createHandover({ log, restMs, calmMs, ...limits }: HandoverOptions): Handover {
  const waiting = createWaitingConnections(
    limits,
    () => takers.size > failing.size,
    (because) => {
      closed++;
      warn(because);
    },
  );
  const takers = new Set<Taker>();
  /** Those that have nothing to receive, in the order of their turns. */
  const free = new Set<Taker>();
  /** Those that could not receive what they were given last. */
  const failing = new Set<Taker>();
  const told = new Set<keyof typeof troubles>();
  let closed = 0;
  let calmTimer: NodeJS.Timeout | undefined;
  let wasBlocked = false;
  let finished: (() => void) | undefined;

  function pump(): void {
    for (const taker of free) {
      const next = waiting.next();
      if (next === undefined) break;
      free.delete(taker);
      taker.give(next.connection, (taken) => (taken ? received(taker, next) : missed(taker, next)));
    }
    if (finished === undefined) return;
    if (takers.size === 0) waiting.closeAll();
    if (waiting.size === 0) finished();
  }

  function received(taker: Taker, { connection }: WaitingConnection): void {
    connection.close();
    if (failing.delete(taker)) judge();
    beFree(taker);
  }

  function missed(taker: Taker, next: WaitingConnection): void {
    waiting.putBack(next);
    // One that has left or died needs no other reason.
    if (takers.has(taker)) {
      failing.add(taker);
      judge();
      warn('no descriptor', { serverPid: taker.pid });
      setTimeout(beFree, restMs, taker);
    }
    pump();
  }

  function beFree(taker: Taker): void {
    if (!takers.has(taker)) return;
    free.add(taker);
    pump();
  }

  function judge(): void {
    const isBlocked = takers.size > 0 && failing.size === takers.size;
    if (isBlocked === wasBlocked) return;
    wasBlocked = isBlocked;
    handover.onBlocked();
  }

  /** Each trouble once, until all are over. */
  function warn(trouble: keyof typeof troubles, what: object = {}): void {
    if (!told.has(trouble)) log.warn(what, troubles[trouble]);
    told.add(trouble);
    calmTimer ??= setTimeout(calm, calmMs).unref();
    calmTimer.refresh();
  }

  function calm(): void {
    if (waiting.size > 0) {
      calmTimer?.refresh();
      return;
    }
    calmTimer = undefined;
    told.clear();
    // Nobody has asked them since: the next connection will show.
    failing.clear();
    judge();
    log.info({ closed }, 'new connections are taken again');
    closed = 0;
  }

  const handover: Handover = {
    get waiting() {
      return waiting.size;
    },
    get isBlocked() {
      return wasBlocked;
    },
    onBlocked() {},
    offer(connection) {
      waiting.add(connection);
      pump();
    },
    join(taker) {
      if (takers.has(taker)) return;
      takers.add(taker);
      judge();
      beFree(taker);
    },
    leave(taker) {
      takers.delete(taker);
      free.delete(taker);
      failing.delete(taker);
      judge();
      pump();
    },
    async finish(timeoutMs) {
      const timer = setTimeout(() => waiting.closeAll(), timeoutMs);
      await new Promise<void>((resolve) => {
        finished = resolve;
        pump();
      });
      clearTimeout(timer);
    },
  };
  return handover;
}
