import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isPrime } from '#workers/compute/primality.js';
import compute from '#workers/compute.js';
import { issuePaths, runTask } from '../../support/run-task.js';

function result(input: Record<string, unknown>): unknown {
  const answer = runTask(compute, input);
  return typeof answer === 'object' && answer !== null && 'result' in answer ? answer.result : answer;
}

function factors(n: string): unknown {
  const answer = result({ operation: 'factorize', n });
  return typeof answer === 'object' && answer !== null && 'factors' in answer ? answer.factors : answer;
}

describe('primes', () => {
  // OEIS A006880 (how many below 10^k) and A003618 (the largest of k digits)
  test.each([
    [0, 0, null],
    [1, 0, null],
    [2, 1, 2],
    [3, 2, 3],
    [4, 2, 3],
    [9, 4, 7],
    [10, 4, 7],
    [100, 25, 97],
    [1_000, 168, 997],
    [10_000, 1_229, 9_973],
    [100_000, 9_592, 99_991],
    [1_000_000, 78_498, 999_983],
    [10_000_000, 664_579, 9_999_991],
  ])('up to %i are %i, the largest %s', (limit, count, largest) => {
    expect(runTask(compute, { operation: 'primes', limit })).toEqual({
      operation: 'primes',
      result: { count, largest },
    });
  });

  test('are counted right around the ends of the segments', () => {
    for (let limit = 2 ** 19 - 60; limit < 2 ** 19 + 60; limit++) {
      const previous = result({ operation: 'primes', limit: limit - 1 });
      const expected = isPrime(BigInt(limit))
        ? { count: (previous as { count: number }).count + 1, largest: limit }
        : previous;
      expect(result({ operation: 'primes', limit })).toEqual(expected);
    }
  });
});

describe('factorize', () => {
  test.each<[string, [string, number][]]>([
    ['1', []],
    ['2', [['2', 1]]],
    ['007', [['7', 1]]],
    ['1024', [['2', 10]]],
    [
      '561',
      [
        ['3', 1],
        ['11', 1],
        ['17', 1],
      ],
    ], // the first Carmichael number
    [
      '341550071728321',
      [
        ['10670053', 1],
        ['32010157', 1],
      ],
    ], // strong pseudoprime to 2 … 17 (Jaeschke 1993)
    [
      '3825123056546413051',
      [
        ['149491', 1],
        ['747451', 1],
        ['34233211', 1],
      ],
    ], // to 2 … 31 (Zhang)
    [
      '318665857834031151167461',
      [
        ['399165290221', 1],
        ['798330580441', 1],
      ],
    ], // to 2 … 37 (Sorenson, Webster)
    [
      '18446744073709551617',
      [
        ['274177', 1],
        ['67280421310721', 1],
      ],
    ], // F6, Landry 1880
    [
      '147573952589676412927',
      [
        ['193707721', 1],
        ['761838257287', 1],
      ],
    ], // M67, Cole 1903
    ['1000006000009', [['1000003', 2]]], // the square of a prime
    ['1000009000027000027', [['1000003', 3]]],
    [
      '999999999950000000000429',
      [
        ['999999999961', 1],
        ['999999999989', 1],
      ],
    ], // the two largest of 12 digits
    ['999999999978000000000121', [['999999999989', 2]]],
    [
      '999999999999999999999999',
      [
        ['3', 3],
        ['7', 1],
        ['11', 1],
        ['13', 1],
        ['37', 1],
        ['73', 1],
        ['101', 1],
        ['137', 1],
        ['9901', 1],
        ['99990001', 1],
      ],
    ],
  ])('%s', (n, expected) => {
    expect(factors(n)).toEqual(expected);
  });

  test('gives ascending primes that multiply back', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 10n ** 20n }), (n) => {
        const found = factors(n.toString()) as [string, number][];
        const primes = found.map(([prime]) => BigInt(prime));
        expect(primes.every(isPrime)).toBe(true);
        expect(primes).toEqual([...new Set(primes)].sort((p, q) => (p < q ? -1 : 1)));
        expect(
          found.reduce((product, [prime, exponent]) => product * BigInt(prime) ** BigInt(exponent), 1n),
        ).toBe(n);
      }),
      { numRuns: 60 },
    );
  });
});

describe('fibonacci', () => {
  // OEIS A000045; F(300) from sympy 1.11
  test.each([
    [0, '0'],
    [1, '1'],
    [2, '1'],
    [10, '55'],
    [93, '12200160415121876738'],
    [300, '222232244629420445529739893461909967206666939096499764990979600'],
  ])('of %i is %s', (n, value) => {
    expect(result({ operation: 'fibonacci', n })).toEqual({ value });
  });

  test('of any number is the sum of the two before', () => {
    const value = (n: number) => BigInt((result({ operation: 'fibonacci', n }) as { value: string }).value);
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 5_000 }), (n) => {
        expect(value(n)).toBe(value(n - 1) + value(n - 2));
      }),
    );
  });
});

describe('pi', () => {
  // OEIS A000796
  const known =
    '3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803482534211706798214808651';
  const digits = (count: number) => (result({ operation: 'pi', digits: count }) as { value: string }).value;

  test('has the known digits, and no point where there are none', () => {
    expect(digits(0)).toBe('3');
    for (let count = 1; count <= 110; count++) expect(digits(count)).toBe(known.slice(0, count + 2));
  });

  test('is truncated, not rounded, also where six nines follow', () => {
    // The digits 762 to 767 are 999999.
    expect(digits(770).slice(-9)).toBe('999999837');
    for (let count = 755; count < 770; count++) expect(digits(770).startsWith(digits(count))).toBe(true);
  });

  test('is right to 100,000 digits', () => {
    // The SHA-256 of mpmath's 100,000 digits
    expect(createHash('sha256').update(digits(100_000)).digest('hex')).toBe(
      '6fba00bd4d732bf518635d1e28e5292c8db6ee4c26285fe43d5ae9d104655cd9',
    );
  });
});

describe('nqueens', () => {
  // OEIS A000170
  test.each(
    [1, 0, 0, 2, 10, 4, 40, 92, 352, 724, 2_680, 14_200, 73_712].map((solutions, i) => [i + 1, solutions]),
  )('of %i has %i solutions', (n, solutions) => {
    expect(result({ operation: 'nqueens', n })).toEqual({ solutions });
  });
});

describe('an input is refused', () => {
  test.each<[Record<string, unknown>, string]>([
    [{}, 'operation'],
    [{ operation: 'collatz' }, 'operation'],
    [{ operation: 'toString' }, 'operation'],
    [{ operation: 'primes' }, 'limit'],
    [{ operation: 'primes', limit: -1 }, 'limit'],
    [{ operation: 'primes', limit: 1.5 }, 'limit'],
    [{ operation: 'primes', limit: '10' }, 'limit'],
    [{ operation: 'primes', limit: 1_000_000_001 }, 'limit'],
    [{ operation: 'primes', limit: 10, n: 1 }, ''],
    [{ operation: 'factorize', n: 12 }, 'n'],
    [{ operation: 'factorize', n: '' }, 'n'],
    [{ operation: 'factorize', n: '0' }, 'n'],
    [{ operation: 'factorize', n: '000' }, 'n'],
    [{ operation: 'factorize', n: '-5' }, 'n'],
    [{ operation: 'factorize', n: '0x10' }, 'n'],
    [{ operation: 'factorize', n: '12\n' }, 'n'],
    [{ operation: 'factorize', n: '1'.repeat(25) }, 'n'],
    [{ operation: 'fibonacci', n: -1 }, 'n'],
    [{ operation: 'fibonacci', n: 1_000_001 }, 'n'],
    [{ operation: 'pi', digits: -1 }, 'digits'],
    [{ operation: 'pi', digits: 100_001 }, 'digits'],
    [{ operation: 'nqueens', n: 0 }, 'n'],
    [{ operation: 'nqueens', n: 17 }, 'n'],
  ])('%j', (input, path) => {
    expect(issuePaths(compute, input)).toContain(path);
  });
});
