// The calls that wait, in the order of their keys. Bounded by admission.ts; which are taken is waiting-room.ts.
import { entries, insert, isBefore, type Tree, type Waiting, without } from './treap.js';

/** Adds, removes and takes in O(log n), and knows the work ahead of any key as fast. */
export interface CallQueue<T extends Waiting> {
  readonly size: number;
  /** Estimated µs of all entries. */
  readonly workUs: number;
  add(entry: T): void;
  /** False where it is not waiting (any more). */
  remove(entry: T): boolean;
  at(index: number): T | undefined;
  /** Estimated µs of the entries up to this key. */
  workAheadUs(key: number): number;
  /** Removes and returns all. */
  clear(): T[];
}

export function createCallQueue<T extends Waiting>(): CallQueue<T> {
  let root: Tree<T>;
  let lastRank = 1;

  /** xorshift32: the ranks need not be secret. A client chooses its keys only through its estimates. */
  function nextRank(): number {
    lastRank ^= lastRank << 13;
    lastRank ^= lastRank >>> 17;
    lastRank ^= lastRank << 5;
    return lastRank;
  }

  function find(entry: T): Tree<T> {
    let node = root;
    while (node !== undefined && node.entry !== entry)
      node = isBefore(entry, node.entry) ? node.left : node.right;
    return node;
  }

  return {
    get size() {
      return root?.size ?? 0;
    },
    get workUs() {
      return root?.workUs ?? 0;
    },
    add(entry) {
      const { estimateUs: workUs } = entry;
      root = insert(root, { entry, rank: nextRank(), left: undefined, right: undefined, size: 1, workUs });
    },
    remove(entry) {
      if (find(entry) === undefined) return false;
      root = without(root, entry);
      return true;
    },
    at(index) {
      let node = root;
      let skip = index;
      while (node !== undefined) {
        const before = node.left?.size ?? 0;
        if (skip === before) return node.entry;
        node = skip < before ? node.left : node.right;
        if (skip > before) skip -= before + 1;
      }
      return undefined;
    },
    workAheadUs(key) {
      let sumUs = 0;
      let node = root;
      while (node !== undefined) {
        const isAhead = node.entry.key <= key;
        if (isAhead) sumUs += node.entry.estimateUs + (node.left?.workUs ?? 0);
        node = isAhead ? node.right : node.left;
      }
      return sumUs;
    },
    clear() {
      const all = [...entries(root)];
      root = undefined;
      return all;
    },
  };
}
