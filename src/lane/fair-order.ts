// The key by which waiting calls are ordered: short calls pass long ones, clients are served in turn, nobody
// starves. Start-time fair queueing (Goyal, Vin, Cheng: "Start-time Fair Queuing", SIGCOMM 1996) over estimated
// work, plus a stretch that lets a call fall behind in proportion to its own length.
//
// Bound: a call that arrives with key k is only passed by calls whose key is smaller. Each client's tag grows by the
// estimates it submits, and a new call's tag is never below V; so behind its arrival at most k − V of estimated work
// per active client can pass it: stretch × its own estimate, plus its client's lead.

/** How far a call may be passed, in lengths of itself. */
export const stretch = 4;

/** Clients remembered before those that have fallen behind V (and so have no history that counts) are dropped. */
const rememberedClients = 1_024;

export interface FairOrder {
  /** The place of a client's next call of this estimate: `tag` for `taken`, `key` for the queue. µs of work. */
  place(client: string, estimateUs: number): { readonly tag: number; readonly key: number };
  /** A call with this tag was taken from the queue. */
  taken(tag: number): void;
  /** A client's call took this much more (or, where negative, less) than it was charged. */
  correct(client: string, differenceUs: number): void;
}

export function createFairOrder(): FairOrder {
  const tags = new Map<string, number>();
  let virtualTime = 0;

  function forget(): void {
    for (const [client, tag] of tags) if (tag <= virtualTime) tags.delete(client);
  }

  return {
    place(client, estimateUs) {
      const tag = Math.max(virtualTime, tags.get(client) ?? virtualTime);
      tags.set(client, tag + estimateUs);
      if (tags.size > rememberedClients) forget();
      return { tag, key: tag + stretch * estimateUs };
    },
    taken(tag) {
      virtualTime = Math.max(virtualTime, tag);
    },
    correct(client, differenceUs) {
      const tag = tags.get(client);
      if (tag !== undefined) tags.set(client, tag + differenceUs);
    },
  };
}
