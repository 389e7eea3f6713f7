// Holds a thread that has become free for the client whose call it ran, for the moment that this client needs to come
// back with its next one. Without it a client that makes one call after the other finds, beside a flood, every thread
// taken a moment ago, and waits for a whole call of the flood each time. Only for clients that came back as soon the
// last time, so what is lost is bounded. Anticipatory scheduling: Iyer and Druschel, SOSP 2001.
import type { Alarm, SetAlarm } from '../alarm.js';

/** At most this share of the run that ended, and this long, in ms; where that is less than a timer can do, not at all. */
const heldShare = 1 / 4;
const longestMs = 3;
const shortestMs = 0.5;
/** Clients whose return is remembered: those that were here last. */
const remembered = 1_000;

export interface Anticipation {
  /** Threads that are free, and held. */
  readonly size: number;
  /**
   * A call of the client has ended and its thread will be free: holds it, where the client is known to come back in time.
   * @param runMs how long the call ran
   * @param isCrowded who would get the thread has one already
   */
  ended(client: string, runMs: number, nowMs: number, isCrowded: () => boolean): void;
  /** A call of the client has come: what was held for it is free. */
  came(client: string, nowMs: number): void;
  close(): void;
}

/** @param released a thread is held no longer, for nobody came in time */
export function createAnticipation(setAlarm: SetAlarm, released: () => void): Anticipation {
  const held = new Map<string, Alarm>();
  /** When the client's last call ended, until it is back; and how long it was away the time before. */
  const clients = new Map<string, { endedMs: number | undefined; awayMs: number }>();

  function remember(client: string, endedMs: number): { readonly awayMs: number } {
    const known = clients.get(client) ?? { endedMs, awayMs: Number.POSITIVE_INFINITY };
    known.endedMs = endedMs;
    clients.delete(client);
    clients.set(client, known);
    const [oldest] = clients.keys();
    if (clients.size > remembered && oldest !== undefined) clients.delete(oldest);
    return known;
  }

  return {
    get size() {
      return held.size;
    },
    ended(client, runMs, nowMs, isCrowded) {
      const mostMs = Math.min(longestMs, runMs * heldShare);
      if (mostMs < shortestMs) return;
      const { awayMs } = remember(client, nowMs);
      if (awayMs > mostMs || held.has(client) || !isCrowded()) return;
      const release = (): void => {
        held.delete(client);
        released();
      };
      held.set(client, setAlarm(nowMs + mostMs, release));
    },
    came(client, nowMs) {
      const known = clients.get(client);
      if (known?.endedMs !== undefined) {
        known.awayMs = nowMs - known.endedMs;
        known.endedMs = undefined;
      }
      const alarm = held.get(client);
      if (alarm === undefined) return;
      alarm.clear();
      held.delete(client);
    },
    close() {
      for (const alarm of held.values()) alarm.clear();
      held.clear();
    },
  };
}
