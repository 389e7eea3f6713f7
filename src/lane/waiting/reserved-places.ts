// Keeps one client from filling the queue before all others: once somebody with nothing waiting was turned away, its
// last places are for such clients, for a while. A client that is alone may have all of it. Pure: the clock is handed in.

/** The share of the places that is kept, and for how long. */
const keptShare = 1 / 16;
const keptMs = 10_000;

export interface ReservedPlaces {
  /** How many places this client may not have now. */
  keptFrom(client: string, nowMs: number): number;
  turnedAway(client: string, nowMs: number): void;
  /** Whether a call of the client waits. */
  has(client: string): boolean;
  /** A call of the client waits from now on. */
  came(client: string): void;
  /** It does not wait any more. */
  left(client: string): void;
}

export function createReservedPlaces(maxQueue: number): ReservedPlaces {
  const waiting = new Map<string, number>();
  let turnedAwayMs = Number.NEGATIVE_INFINITY;
  return {
    keptFrom: (client, nowMs) =>
      nowMs - turnedAwayMs < keptMs && waiting.has(client) ? Math.ceil(maxQueue * keptShare) : 0,
    turnedAway(client, nowMs) {
      if (!waiting.has(client)) turnedAwayMs = nowMs;
    },
    has: (client) => waiting.has(client),
    came: (client) => void waiting.set(client, (waiting.get(client) ?? 0) + 1),
    left(client) {
      const others = (waiting.get(client) ?? 1) - 1;
      if (others > 0) waiting.set(client, others);
      else waiting.delete(client);
    },
  };
}
