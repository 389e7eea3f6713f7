// The key by which waiting calls are ordered: short calls pass long ones, clients are served in turn, nobody
// starves. Start-time fair queueing (Goyal, Vin, Cheng: "Start-time Fair Queuing", SIGCOMM 1996) over estimated
// work, plus a stretch that lets a call fall behind in proportion to its own length.
//
// V, the virtual time, grows by the work that is taken, divided by the clients that are active then (have calls that
// wait or run), as in the fluid model, and is never behind a tag that was taken. So it also goes on where every client
// comes once: its calls' tags alone would leave it where it is. But it grows no further than to the key that is next:
// what is placed then cannot pass that call any more, so nothing is won; and where calls took less than estimated, V
// would run ahead of all the tags of a client with many calls waiting, and who comes new would wait for all of them.
//
// Bound: a call with key k is passed by a later one only if that has a smaller key, so it came while V < k. Where V
// grows freely, to get from the call's arrival to k takes (k − V) of work for each client that is active. What passes
// it besides, taken while V is held at the next key or still waiting when V is at k, is at most as much again: the
// calls of one client have their tags between V and k, each behind the other by its length, and where clients come once
// each, V goes `stretch` times a call's length while that is there. So a call is passed by at most 2 × (stretch × its
// estimate + its client's lead) of work for each client active at once, and one call of each, however many come and go.

/** How far a call may be passed, in lengths of itself. */
export const stretch = 4;

/** Clients remembered before those that have fallen behind V (and so have no history that counts) are looked for. */
const rememberedClients = 1_024;

export interface FairOrder {
  /** The place of a client's next call of this estimate: `tag` for `taken`, `key` for the queue. µs of work. */
  place(client: string, estimateUs: number): { readonly tag: number; readonly key: number };
  /** A call was taken from a queue where the next, if there is one, has this key. */
  taken(tag: number, estimateUs: number, nextKey: number | undefined): void;
  /** A call that had a place has run, or never will: it took this much more (or, where negative, less) than charged. */
  left(client: string, differenceUs: number): void;
  /** Clients whose history is kept. */
  readonly remembered: number;
}

interface Client {
  /** Where its next call stands. */
  tag: number;
  /** Calls that have a place and have not left. */
  open: number;
}

export function createFairOrder(): FairOrder {
  const clients = new Map<string, Client>();
  let virtualTime = 0;
  let active = 0;
  let sweepAt = rememberedClients;

  /** At most once for as many new clients as it looks at. */
  function sweep(): void {
    for (const [name, client] of clients) forget(name, client);
    sweepAt = Math.max(rememberedClients, 2 * clients.size);
  }

  function forget(name: string, client: Client): void {
    if (client.open === 0 && client.tag <= virtualTime) clients.delete(name);
  }

  return {
    place(name, estimateUs) {
      let client = clients.get(name);
      if (client === undefined) {
        client = { tag: virtualTime, open: 0 };
        clients.set(name, client);
        if (clients.size > sweepAt) sweep();
      }
      if (client.open++ === 0) active++;
      const tag = Math.max(virtualTime, client.tag);
      client.tag = tag + estimateUs;
      return { tag, key: tag + stretch * estimateUs };
    },
    taken(tag, estimateUs, nextKey = Number.POSITIVE_INFINITY) {
      const began = Math.max(virtualTime, tag);
      virtualTime = Math.max(began, Math.min(began + estimateUs / Math.max(1, active), nextKey));
    },
    left(name, differenceUs) {
      const client = clients.get(name);
      if (client === undefined || client.open === 0) return;
      client.tag += differenceUs;
      if (--client.open > 0) return;
      if (--active > 0) {
        forget(name, client);
        return;
      }
      // Nobody is there whom anybody's past could hold up.
      clients.clear();
      virtualTime = 0;
      sweepAt = rememberedClients;
    },
    get remembered() {
      return clients.size;
    },
  };
}
