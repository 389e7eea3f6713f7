// matmul: the product of two matrices, in double precision. Rows times rows (i-k-j): the inner loop walks both
// operands in memory order (G. Golub, C. Van Loan, "Matrix Computations", section 1.1: gaxpy by rows).
import { InputError } from '../../src/task.js';
import { defineOperation } from './operation.js';

export const maxRows = 1_024;

type Matrix = readonly (readonly number[])[];

export const matmul = defineOperation<{ readonly a: Matrix; readonly b: Matrix }, { product: number[][] }>({
  costUs: ({ a, b }) => {
    const [rows, inner, columns] = [a.length, b.length, b[0]?.length ?? 0];
    return 2 + 0.03 * (rows * inner + inner * columns + rows * columns) + 0.0025 * rows * inner * columns;
  },
  run({ a, b }, signal) {
    const columns = b[0]?.length ?? 0;
    const inner = b.length;
    // To a multiple of four, with rows of zeros: four rows a pass read and write the sums a quarter as often.
    const rowsOfB = b.map((row) => Float64Array.from(row));
    while (rowsOfB.length % 4 !== 0) rowsOfB.push(new Float64Array(columns));
    const product = a.map((row, i) => {
      // At most 1024 × 1024 multiplications, about 1 ms, between two looks at the signal.
      signal.throwIfAborted();
      const sums = new Float64Array(columns);
      for (let k = 0; k < inner; k += 4) addRows(sums, row, rowsOfB, k);
      const tooLarge = sums.findIndex((sum) => !Number.isFinite(sum));
      if (tooLarge >= 0) throw new InputError(`the product overflows in row ${i}, column ${tooLarge}`);
      return Array.from(sums);
    });
    return { product };
  },
});

/** sums += the rows k … k + 3 of b, each times its entry of the row of a. */
function addRows(
  sums: Float64Array,
  row: readonly number[],
  rowsOfB: readonly Float64Array[],
  k: number,
): void {
  const [b0, b1, b2, b3] = rowsOfB.slice(k, k + 4) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const [a0 = 0, a1 = 0, a2 = 0, a3 = 0] = row.slice(k, k + 4);
  for (let j = 0; j < sums.length; j++) {
    sums[j] =
      (sums[j] as number) +
      a0 * (b0[j] as number) +
      a1 * (b1[j] as number) +
      a2 * (b2[j] as number) +
      a3 * (b3[j] as number);
  }
}
