// The results that a task says may be kept, for a time and within a size. The oldest go first.
import { monotonicMs } from '../clock.js';
import type { KeptResults } from '../task.js';
import type { CallResult } from './call.js';

export interface ResultStore {
  /** To be copied by whoever hands it on, and how old it is. */
  get(key: string): { readonly result: CallResult; readonly ageMs: number } | undefined;
  /** Keeps a copy. */
  keep(key: string, result: CallResult): void;
}

interface Kept {
  readonly result: CallResult;
  readonly untilMs: number;
  readonly bytes: number;
}

/** With bytes of its own: whoever has a result may change it, or give it away. */
export function copyOf(result: CallResult): CallResult {
  const { body } = result;
  return typeof body === 'string' ? result : { ...result, body: body.slice() };
}

/** What a result takes beside its body, about: so that a million empty ones count, too. */
const entryBytes = 300;

export function createResultStore({ ttlMs, maxBytes }: KeptResults): ResultStore {
  /** In the order in which they end. */
  const kept = new Map<string, Kept>();
  let total = 0;

  function drop(key: string): void {
    total -= kept.get(key)?.bytes ?? 0;
    kept.delete(key);
  }

  return {
    get(key) {
      const found = kept.get(key);
      if (found === undefined) return undefined;
      const leftMs = found.untilMs - monotonicMs();
      if (leftMs > 0) return { result: found.result, ageMs: ttlMs - leftMs };
      drop(key);
      return undefined;
    },
    keep(key, given) {
      const bytes = entryBytes + Buffer.byteLength(given.body);
      if (bytes > maxBytes) return;
      drop(key);
      for (const [oldest, { untilMs }] of kept) {
        if (total + bytes <= maxBytes && monotonicMs() < untilMs) break;
        drop(oldest);
      }
      kept.set(key, { result: copyOf(given), untilMs: monotonicMs() + ttlMs, bytes });
      total += bytes;
    },
  };
}
