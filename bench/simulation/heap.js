// A binary heap: the least key first.

/**
 * @template T
 * @typedef {object} Heap
 * @property {number} size
 * @property {() => { key: number, entry: T } | undefined} least
 * @property {(key: number, entry: T) => void} add
 * @property {() => T | undefined} take the least
 */

/** @template T @returns {Heap<T>} */
export function createHeap() {
  /** @type {{ key: number, entry: T }[]} */
  const nodes = [];

  const keyAt = (/** @type {number} */ index) => nodes[index]?.key ?? Number.POSITIVE_INFINITY;

  /** @param {number} i @param {number} j */
  function swap(i, j) {
    const [a, b] = [nodes[i], nodes[j]];
    if (a === undefined || b === undefined) throw new RangeError('no such place');
    nodes[i] = b;
    nodes[j] = a;
  }

  return {
    get size() {
      return nodes.length;
    },
    least: () => nodes[0],
    add(key, entry) {
      let i = nodes.push({ key, entry }) - 1;
      for (let up = (i - 1) >> 1; i > 0 && keyAt(up) > key; up = (i - 1) >> 1) {
        swap(i, up);
        i = up;
      }
    },
    take() {
      const [least] = nodes;
      const last = nodes.pop();
      if (nodes.length > 0 && last !== undefined) nodes[0] = last;
      for (let i = 0; ; ) {
        const left = 2 * i + 1;
        let smallest = i;
        if (keyAt(left) < keyAt(smallest)) smallest = left;
        if (keyAt(left + 1) < keyAt(smallest)) smallest = left + 1;
        if (smallest === i) break;
        swap(i, smallest);
        i = smallest;
      }
      return least?.entry;
    },
  };
}
