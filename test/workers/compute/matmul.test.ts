import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import compute from '#workers/compute.js';
import { issuePaths, runTask } from '../../support/run-task.js';

type Matrix = number[][];

function product(a: Matrix, b: Matrix): unknown {
  return runTask(compute, { operation: 'matmul', a, b });
}

function naiveProduct(a: Matrix, b: Matrix): Matrix {
  return a.map((row) =>
    (b[0] ?? []).map((_, j) => row.reduce((sum, entry, k) => sum + entry * (b[k]?.[j] ?? Number.NaN), 0)),
  );
}

/** a and b that fit, of whole numbers, so that any order of summing is exact. */
const fitting = fc
  .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }))
  .chain(([rows, inner, columns]) => {
    const matrix = (height: number, width: number) => {
      const row = fc.array(fc.integer({ min: -1_000, max: 1_000 }), { minLength: width, maxLength: width });
      return fc.array(row, { minLength: height, maxLength: height });
    };
    return fc.tuple(matrix(rows, inner), matrix(inner, columns));
  });

describe('matmul', () => {
  test('multiplies', () => {
    const b = [
      [7, 8],
      [9, 10],
      [11, 12],
    ];
    expect(
      product(
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
        b,
      ),
    ).toEqual({
      operation: 'matmul',
      result: {
        product: [
          [58, 64],
          [139, 154],
        ],
      },
    });
  });

  test('agrees with the textbook sum for any fitting shapes', () => {
    fc.assert(
      fc.property(fitting, ([a, b]) => {
        // −0 + 0: the order of summing may change the sign of a zero, which JSON does not carry.
        const plain = JSON.parse(JSON.stringify(naiveProduct(a, b)));
        expect(JSON.parse(JSON.stringify(product(a, b)))).toEqual({
          operation: 'matmul',
          result: { product: plain },
        });
      }),
    );
  });

  test('refuses a product that overflows', () => {
    expect(() => product([[1e308, 1e308]], [[10], [-10]])).toThrow(
      expect.objectContaining({ name: 'InputError' }),
    );
  });

  test.each<[string, unknown, unknown, string]>([
    ['ragged a', [[1, 2], [3]], [[1], [2]], 'a.1'],
    ['ragged b', [[1, 2]], [[1], [2, 3]], 'b.1'],
    ['shapes that do not fit', [[1, 2]], [[1, 2]], 'b'],
    ['no rows', [], [[1]], 'a'],
    ['no columns', [[]], [[1]], 'a.0'],
    ['a text', [[1, '2']], [[1], [2]], 'a.0.1'],
    ['null', [[1, null]], [[1], [2]], 'a.0.1'],
    ['infinity', [[1, Number.POSITIVE_INFINITY]], [[1], [2]], 'a.0.1'],
    ['too many rows', Array.from({ length: 1_025 }, () => [1]), [[1]], 'a'],
    ['no matrix', 5, [[1]], 'a'],
  ])('refuses %s', (_title, a, b, path) => {
    expect(issuePaths(compute, { operation: 'matmul', a, b })).toContain(path);
  });

  test('has no GET form', () => {
    const query = compute.query;
    if (typeof query !== 'object') throw new Error('compute has a schema of its own for queries');
    expect(query.safeParse({ operation: 'matmul', a: [[1]], b: [[1]] }).success).toBe(false);
    expect(query.safeParse({ operation: 'nqueens', n: 4 }).success).toBe(true);
  });
});
