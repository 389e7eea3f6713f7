// nqueens: in how many ways n queens stand on an n × n board so that none attacks another. Bit masks, row by row
// (Q. Zongyan, "Bit-vector encoding of n-queen problem", SIGPLAN Notices 37, 2002); of the mirrored halves one is
// counted.
import { defineOperation } from './operation.js';

export const maxN = 16;
/** Rows that are placed before the signal is asked again: what is below one such placement takes at most about 7 ms. */
const checkedRows = 3;

export const nqueens = defineOperation<{ readonly n: number }, { solutions: number }>({
  costUs: ({ n }) => 1 + 0.0035 * 5.1 ** Math.max(0, n - 3),
  run({ n }, signal) {
    const board = (1 << n) - 1;
    const half = n >> 1;
    const place = (columns: number, left: number, right: number, row: number): number => {
      if (row === checkedRows) {
        signal.throwIfAborted();
        return completions(board, columns, left, right);
      }
      if (columns === board) return 1;
      let found = 0;
      for (let free = board & ~(columns | left | right); free !== 0; free &= free - 1) {
        const bit = free & -free;
        found += place(columns | bit, (left | bit) << 1, (right | bit) >> 1, row + 1);
      }
      return found;
    };
    let solutions = 0;
    for (let column = 0; column < half; column++) {
      const bit = 1 << column;
      solutions += 2 * place(bit, bit << 1, bit >> 1, 1);
    }
    if (n % 2 === 1) solutions += place(1 << half, 1 << (half + 1), (1 << half) >> 1, 1);
    return { solutions };
  },
});

function completions(board: number, columns: number, left: number, right: number): number {
  if (columns === board) return 1;
  let found = 0;
  for (let free = board & ~(columns | left | right); free !== 0; free &= free - 1) {
    const bit = free & -free;
    found += completions(board, columns | bit, (left | bit) << 1, (right | bit) >> 1);
  }
  return found;
}
