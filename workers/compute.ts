// The task /compute: one of seven operations. Each lives in compute/, with its schema, caps, cost and source.
import { z } from 'zod';
import { defineTask } from '../src/task.js';
import { factorize, factorizeOutput } from './compute/factorize.js';
import { fibonacci, fibonacciOutput } from './compute/fibonacci.js';
import { mandelbrot } from './compute/mandelbrot.js';
import { matmul, matmulOutput } from './compute/matmul.js';
import { nqueens, nqueensOutput } from './compute/nqueens.js';
import { pi, piOutput } from './compute/pi.js';
import { primes, primesOutput } from './compute/primes.js';

const scalar = [
  primes.input,
  factorize.input,
  fibonacci.input,
  pi.input,
  nqueens.input,
  mandelbrot.input,
] as const;

const everything = [...scalar, matmul.input] as const;

function unknownOperation(options: readonly { shape: { operation: { value: string } } }[]) {
  const names = options.map(({ shape }) => shape.operation.value).join(', ');
  return (issue: { code?: string | undefined }) =>
    issue.code === 'invalid_union' ? `must be one of ${names}` : undefined;
}

const input = z.discriminatedUnion('operation', everything, { error: unknownOperation(everything) });

type Input = z.output<typeof input>;

function answer<Name extends Input['operation'], Result extends z.ZodType>(operation: Name, result: Result) {
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
        answer('primes', primesOutput),
        answer('factorize', factorizeOutput),
        answer('fibonacci', fibonacciOutput),
        answer('pi', piOutput),
        answer('matmul', matmulOutput),
        answer('nqueens', nqueensOutput),
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
  run(input, { signal }) {
    const { operation } = input;
    switch (operation) {
      case 'primes':
        return { operation, result: primes.run(input, signal) };
      case 'factorize':
        return { operation, result: factorize.run(input, signal) };
      case 'fibonacci':
        return { operation, result: fibonacci.run(input, signal) };
      case 'pi':
        return { operation, result: pi.run(input, signal) };
      case 'matmul':
        return { operation, result: matmul.run(input, signal) };
      case 'nqueens':
        return { operation, result: nqueens.run(input, signal) };
      case 'mandelbrot':
        return mandelbrot.run(input, signal);
    }
  },
});

function costUs(input: Input): number {
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
