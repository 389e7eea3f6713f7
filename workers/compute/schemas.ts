// What the operations of /compute take and give, as zod schemas: for the event loops, which validate and describe.
// Threads do not load this file; what it says is checked against the operations' own types where they meet, in run.ts.
import { z } from 'zod';
import { maxDigits as maxFactorizeDigits } from './factorize.js';
import { maxN as maxFibonacci } from './fibonacci.js';
import { maxIterations, maxSide, maxSteps } from './mandelbrot.js';
import { maxRows } from './matmul.js';
import { maxN as maxQueens } from './nqueens.js';
import { maxDigits as maxPiDigits } from './pi.js';
import { maxLimit } from './primes.js';

export const primesInput = z
  .strictObject({
    operation: z.literal('primes'),
    limit: z.int().min(0).max(maxLimit).describe('Count the primes up to and including this.'),
  })
  .describe('Count the primes up to a limit.');

export const primesOutput = z.strictObject({
  count: z.int().describe('How many primes are at most `limit`.'),
  largest: z.int().nullable().describe('The largest of them; null where there is none.'),
});

export const factorizeInput = z
  .strictObject({
    operation: z.literal('factorize'),
    n: z
      .string()
      .regex(
        new RegExp(`^\\d{1,${maxFactorizeDigits}}$`),
        `must be 1 to ${maxFactorizeDigits} decimal digits`,
      )
      .refine((digits) => /[1-9]/.test(digits), 'must not be 0')
      .describe(
        `A decimal number of 1 to ${maxFactorizeDigits} digits, not 0; a string, for it may exceed 2^53.`,
      ),
  })
  .describe('Factorize a number.');

export const factorizeOutput = z.strictObject({
  factors: z
    .array(z.tuple([z.string().describe('A prime.'), z.int().min(1).describe('Its exponent.')]))
    .describe('Ascending; empty for 1.'),
});

export const fibonacciInput = z
  .strictObject({
    operation: z.literal('fibonacci'),
    n: z.int().min(0).max(maxFibonacci).describe('Which number: F(0) = 0, F(1) = 1.'),
  })
  .describe('A Fibonacci number, exactly.');

export const fibonacciOutput = z.strictObject({ value: z.string().describe('F(n) in decimal.') });

export const piInput = z
  .strictObject({
    operation: z.literal('pi'),
    digits: z.int().min(0).max(maxPiDigits).describe('Digits after the point.'),
  })
  .describe('π to many digits.');

export const piOutput = z.strictObject({ value: z.string().describe('3.14…, truncated, not rounded.') });

const matrix = z.array(z.array(z.number()).min(1).max(maxRows)).min(1).max(maxRows);

type Matrix = z.output<typeof matrix>;

export const matmulInput = z
  .strictObject({
    operation: z.literal('matmul'),
    a: matrix.describe(`Rows of equal length, at most ${maxRows} × ${maxRows} numbers.`),
    b: matrix.describe('As many rows as `a` has columns.'),
  })
  .superRefine(({ a, b }, context) => {
    const problem = (path: (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path, message });
    const ragged = (name: string, rows: Matrix) => {
      const row = rows.findIndex((entries) => entries.length !== rows[0]?.length);
      if (row >= 0) problem([name, row], `must have ${rows[0]?.length} entries, as the first row has`);
      return row >= 0;
    };
    const columns = a[0]?.length;
    if (ragged('a', a) || ragged('b', b) || columns === undefined) return;
    if (columns !== b.length) problem(['b'], `must have ${columns} rows, as many as \`a\` has columns`);
  })
  .describe('Multiply two matrices.');

export const matmulOutput = z.strictObject({ product: z.array(z.array(z.number())) });

export const nqueensInput = z
  .strictObject({
    operation: z.literal('nqueens'),
    n: z.int().min(1).max(maxQueens).describe('Queens, and the size of the board.'),
  })
  .describe('Count the solutions of the n queens problem.');

export const nqueensOutput = z.strictObject({
  solutions: z.int().describe('Counted with their reflections and rotations.'),
});

export const mandelbrotInput = z
  .strictObject({
    operation: z.literal('mandelbrot'),
    width: z.int().min(1).max(maxSide).describe('Pixels.'),
    height: z.int().min(1).max(maxSide).describe('Pixels.'),
    centerX: z.number().min(-4).max(4).default(-0.5).describe('Real part of the centre.'),
    centerY: z.number().min(-4).max(4).default(0).describe('Imaginary part of the centre.'),
    scale: z.number().min(1e-13).max(16).default(3).describe('Width of the view in the complex plane.'),
    iterations: z
      .int()
      .min(1)
      .max(maxIterations)
      .default(256)
      .describe('Steps before a point counts as inside.'),
  })
  .refine(({ width, height, iterations }) => width * height * iterations <= maxSteps, {
    path: ['iterations'],
    message: `must be at most ${maxSteps} / (width × height)`,
  })
  .describe('Draw the Mandelbrot set as a PNG.');
