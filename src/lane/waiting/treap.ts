// A treap of waiting calls: a search tree by place that is also a heap by random ranks, which keep it flat without any
// balancing. Every subtree knows its size and its work. What it is for is call-queue.ts.

export interface Waiting {
  readonly key: number;
  /** Arrival, to break ties. */
  readonly seq: number;
  readonly estimateUs: number;
}

type Place = Omit<Waiting, 'estimateUs'>;

/** Whether one is taken before the other. */
export const isBefore = (a: Place, b: Place): boolean => a.key < b.key || (a.key === b.key && a.seq < b.seq);

/** A subtree with its size and work; `rank` is larger than those below it. */
export interface Node<T> {
  readonly entry: T;
  readonly rank: number;
  left: Tree<T>;
  right: Tree<T>;
  size: number;
  workUs: number;
}
export type Tree<T> = Node<T> | undefined;

function measured<T extends Waiting>(node: Node<T>): Node<T> {
  const { left, right, entry } = node;
  node.size = 1 + (left?.size ?? 0) + (right?.size ?? 0);
  node.workUs = entry.estimateUs + (left?.workUs ?? 0) + (right?.workUs ?? 0);
  return node;
}

export function insert<T extends Waiting>(tree: Tree<T>, node: Node<T>): Node<T> {
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

export function without<T extends Waiting>(tree: Tree<T>, entry: T): Tree<T> {
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

export function* entries<T>(tree: Tree<T>): Generator<T> {
  if (tree === undefined) return;
  yield* entries(tree.left);
  yield tree.entry;
  yield* entries(tree.right);
}
