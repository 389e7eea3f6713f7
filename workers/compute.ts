// The task /compute: one of seven operations. Each lives in compute/, with its caps, cost and source; what they
// take and give is compute/schemas.ts, and what threads load is compute/run.ts.
import { z } from 'zod';
import { defineTask } from '../src/task.js';
import { factorize } from './compute/factorize.js';
import { fibonacci } from './compute/fibonacci.js';
import { mandelbrot } from './compute/mandelbrot.js';
import { matmul } from './compute/matmul.js';
import { nqueens } from './compute/nqueens.js';
import { pi } from './compute/pi.js';
import { primes } from './compute/primes.js';
import run, { type ComputeInput } from './compute/run.js';
import * as schemas from './compute/schemas.js';

const scalar = [
  schemas.primesInput,
  schemas.factorizeInput,
  schemas.fibonacciInput,
  schemas.piInput,
  schemas.nqueensInput,
  schemas.mandelbrotInput,
] as const;

const everything = [...scalar, schemas.matmulInput] as const;

function unknownOperation(options: readonly { shape: { operation: { value: string } } }[]) {
  const names = options.map(({ shape }) => shape.operation.value).join(', ');
  return (issue: { code?: string | undefined }) =>
    issue.code === 'invalid_union' ? `must be one of ${names}` : undefined;
}

const input = z.discriminatedUnion('operation', everything, { error: unknownOperation(everything) });

function answer<Name extends ComputeInput['operation'], Result extends z.ZodType>(
  operation: Name,
  result: Result,
) {
  return z.strictObject({ operation: z.literal(operation), result });
}

export default defineTask({
  summary: 'Compute something',
  description:
    'Runs one `operation`: primes, factorize, fibonacci, pi, matmul, nqueens answer JSON, mandelbrot a PNG. ' +
    'All but matmul can also be asked by GET.',
  input,
  output: [
    z
      .discriminatedUnion('operation', [
        answer('primes', schemas.primesOutput),
        answer('factorize', schemas.factorizeOutput),
        answer('fibonacci', schemas.fibonacciOutput),
        answer('pi', schemas.piOutput),
        answer('matmul', schemas.matmulOutput),
        answer('nqueens', schemas.nqueensOutput),
      ])
      .meta({ examples: [{ operation: 'primes', result: { count: 78_498, largest: 999_983 } }] }),
    { contentType: 'image/png' },
  ],
  examples: [
    { operation: 'primes', limit: 1_000_000 },
    { operation: 'factorize', n: '1000000016000000063' },
    { operation: 'fibonacci', n: 300 },
    { operation: 'pi', digits: 100 },
    {
      operation: 'matmul',
      a: [
        [1, 2],
        [3, 4],
      ],
      b: [
        [5, 6],
        [7, 8],
      ],
    },
    { operation: 'nqueens', n: 8 },
    {
      operation: 'mandelbrot',
      width: 320,
      height: 240,
      centerX: -0.5,
      centerY: 0,
      scale: 3,
      iterations: 200,
    },
  ],
  query: z.discriminatedUnion('operation', scalar, { error: unknownOperation(scalar) }),
  pathParam: 'operation',
  kind: ({ operation }) => operation,
  cost: costUs,
  runFrom: new URL('./compute/run.js', import.meta.url),
  run,
});

function costUs(input: ComputeInput): number {
  switch (input.operation) {
    case 'primes':
      return primes.costUs(input);
    case 'factorize':
      return factorize.costUs(input);
    case 'fibonacci':
      return fibonacci.costUs(input);
    case 'pi':
      return pi.costUs(input);
    case 'matmul':
      return matmul.costUs(input);
    case 'nqueens':
      return nqueens.costUs(input);
    case 'mandelbrot':
      return mandelbrot.costUs(input);
  }
}
