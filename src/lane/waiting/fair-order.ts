// The key by which waiting calls are ordered: short calls pass long ones, clients are served in turn, nobody
// starves. Start-time fair queueing (Goyal, Vin, Cheng: "Start-time Fair Queuing", SIGCOMM 1996) over estimated
// work, plus a stretch that lets a call fall behind in proportion to its own length.
//
// V, the virtual time, grows by the work that is taken, divided by the clients that are active then (have calls that
// wait or run), as in the fluid model, and is never behind a tag that was taken. So it also goes on where every client
// comes once: its calls' tags alone would leave it where it is. But it grows no further than to the key that is next:
// what is placed then cannot pass that call any more, so nothing is won.
//
// A call that is its client's only one stands at V, whatever the client's calls before it took: one call after the other
// is no more than one thread's work. And it goes before those, of the same length and turn, whose client has others.
//
// What a client with many calls was charged too much is not taken off its tag, where its next calls would then stand
// closer together than they are long, and V would run ahead of them all: it pays for those that take longer than
// estimated.
//
// Bound: a call with key k is passed by a later one only if that has a smaller key, so it came while V < k. Where V
// grows freely, to get from the call's arrival to k takes (k − V) of work for each client that is active. What passes
// it besides, taken while V is held at the next key or still waiting when V is at k, is at most as much again: the
// calls of one client have their tags between V and k, each behind the other by its length, and where they come one
// after the other, V goes `stretch` times a call's length while that is there. So a call is passed by at most
// 2 × (stretch × its estimate + its client's lead) of work for each client active at once, and one call of each,
// however many come and go.

/** How far a call may be passed, in lengths of itself; one whose client has others, by one length more. */
export const stretch = 4;

/** Clients remembered before those that have fallen behind V (and so have no history that counts) are looked for. */
const rememberedClients = 1_024;

export interface FairOrder {
  /** The place of a client's next call of this estimate: `tag` for `taken`, `key` for the queue. µs of work. */
  place(client: string, estimateUs: number): { readonly tag: number; readonly key: number };
  /** A call was taken from a queue where the next, if there is one, has this key. */
  taken(tag: number, estimateUs: number, nextKey: number | undefined): void;
  /** A call of this estimate, which had a place, never ran and never will. */
  withdraw(client: string, estimateUs: number): void;
  /** A call that had a place has run: it took this much more (or, where negative, less) than charged. */
  ran(client: string, differenceUs: number): void;
  /** Clients whose history is kept. */
  readonly remembered: number;
}

interface Client {
  /** Where its next call stands. */
  tag: number;
  /** What its calls were charged too much: it pays for those that take longer than they were charged. */
  creditUs: number;
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

  function leave(name: string, client: Client): void {
    if (client.open === 0 || --client.open > 0) return;
    if (--active > 0) {
      forget(name, client);
      return;
    }
    // Nobody is there whom anybody's past could hold up.
    clients.clear();
    virtualTime = 0;
    sweepAt = rememberedClients;
  }

  return {
    place(name, estimateUs) {
      let client = clients.get(name);
      if (client === undefined) {
        client = { tag: virtualTime, creditUs: 0, open: 0 };
        clients.set(name, client);
        if (clients.size > sweepAt) sweep();
      }
      const isAlone = client.open++ === 0;
      if (isAlone) active++;
      const tag = isAlone ? virtualTime : Math.max(virtualTime, client.tag);
      client.tag = tag + estimateUs;
      return { tag, key: tag + (isAlone ? stretch : stretch + 1) * estimateUs };
    },
    taken(tag, estimateUs, nextKey = Number.POSITIVE_INFINITY) {
      const began = Math.max(virtualTime, tag);
      virtualTime = Math.max(began, Math.min(began + estimateUs / Math.max(1, active), nextKey));
    },
    withdraw(name, estimateUs) {
      const client = clients.get(name);
      if (client === undefined) return;
      client.tag -= estimateUs;
      leave(name, client);
    },
    ran(name, differenceUs) {
      const client = clients.get(name);
      if (client === undefined) return;
      const owedUs = differenceUs - client.creditUs;
      client.creditUs = Math.max(0, -owedUs);
      client.tag += Math.max(0, owedUs);
      leave(name, client);
    },
    get remembered() {
      return clients.size;
    },
  };
}
