// The calls that wait, in the order of their keys. Bounded by admission.ts; who is taken is placement.ts.

export interface Waiting {
  readonly key: number;
  /** Arrival, to break ties. */
  readonly seq: number;
  readonly estimateUs: number;
}

/** Whether one is taken before the other. */
export const isBefore = (a: Omit<Waiting, 'estimateUs'>, b: Omit<Waiting, 'estimateUs'>): boolean =>
  a.key < b.key || (a.key === b.key && a.seq < b.seq);

/**
 * A sorted array: some thousand entries at most are moved by one memmove, faster than a tree's pointers, and the
 * work ahead of a key is a plain sum.
 */
export interface CallQueue<T extends Waiting> {
  readonly size: number;
  add(entry: T): void;
  /** False where it is not waiting (any more). */
  remove(entry: T): boolean;
  at(index: number): T | undefined;
  /** Estimated µs of the entries before this key. */
  workAheadUs(key: number): number;
  /** Removes and returns all. */
  clear(): T[];
}

export function createCallQueue<T extends Waiting>(): CallQueue<T> {
  let entries: T[] = [];

  /** Where an entry of this key and arrival stands or would stand. */
  function position(place: Omit<Waiting, 'estimateUs'>): number {
    let low = 0;
    let high = entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = entries[middle];
      if (entry !== undefined && isBefore(entry, place)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  return {
    get size() {
      return entries.length;
    },
    add(entry) {
      entries.splice(position(entry), 0, entry);
    },
    remove(entry) {
      const index = position(entry);
      if (entries[index] !== entry) return false;
      entries.splice(index, 1);
      return true;
    },
    at: (index) => entries[index],
    workAheadUs(key) {
      let sum = 0;
      for (const entry of entries) {
        if (entry.key > key) break;
        sum += entry.estimateUs;
      }
      return sum;
    },
    clear() {
      const all = entries;
      entries = [];
      return all;
    },
  };
}
