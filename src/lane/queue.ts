// The calls that wait, in the order of their keys. Bounded by admission.ts; who is taken is placement.ts.

export interface Waiting {
  readonly key: number;
  /** Arrival, to break ties. */
  readonly seq: number;
  readonly estimateUs: number;
}

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

type Place = Omit<Waiting, 'estimateUs'>;

/** Whether one is taken before the other. */
export const isBefore = (a: Place, b: Place): boolean => a.key < b.key || (a.key === b.key && a.seq < b.seq);

/** A subtree with its size and work; `rank` is larger than those below it. */
interface Node<T> {
  readonly entry: T;
  readonly rank: number;
  left: Tree<T>;
  right: Tree<T>;
  size: number;
  workUs: number;
}
type Tree<T> = Node<T> | undefined;

/** A treap: a search tree by place that is also a heap by random ranks, which keep it flat without any balancing. */
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

function measured<T extends Waiting>(node: Node<T>): Node<T> {
  const { left, right, entry } = node;
  node.size = 1 + (left?.size ?? 0) + (right?.size ?? 0);
  node.workUs = entry.estimateUs + (left?.workUs ?? 0) + (right?.workUs ?? 0);
  return node;
}

function insert<T extends Waiting>(tree: Tree<T>, node: Node<T>): Node<T> {
  if (tree === undefined) return node;
  if (node.rank > tree.rank) {
    [node.left, node.right] = split(tree, node.entry);
    return measured(node);
  }
  if (isBefore(node.entry, tree.entry)) tree.left = insert(tree.left, node);
  else tree.right = insert(tree.right, node);
  return measured(tree);
}

/** What is before a place, and what is behind it. */
function split<T extends Waiting>(tree: Tree<T>, place: Place): [Tree<T>, Tree<T>] {
  if (tree === undefined) return [undefined, undefined];
  if (isBefore(tree.entry, place)) {
    const [before, behind] = split(tree.right, place);
    tree.right = before;
    return [measured(tree), behind];
  }
  const [before, behind] = split(tree.left, place);
  tree.left = behind;
  return [before, measured(tree)];
}

function without<T extends Waiting>(tree: Tree<T>, entry: T): Tree<T> {
  if (tree === undefined) return undefined;
  if (tree.entry === entry) return join(tree.left, tree.right);
  if (isBefore(entry, tree.entry)) tree.left = without(tree.left, entry);
  else tree.right = without(tree.right, entry);
  return measured(tree);
}

/** All of `before` is before all of `behind`. */
function join<T extends Waiting>(before: Tree<T>, behind: Tree<T>): Tree<T> {
  if (before === undefined || behind === undefined) return before ?? behind;
  if (before.rank > behind.rank) {
    before.right = join(before.right, behind);
    return measured(before);
  }
  behind.left = join(before, behind.left);
  return measured(behind);
}

function* entries<T>(tree: Tree<T>): Generator<T> {
  if (tree === undefined) return;
  yield* entries(tree.left);
  yield tree.entry;
  yield* entries(tree.right);
}
