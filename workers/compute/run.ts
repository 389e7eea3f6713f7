// The work of /compute: all that a thread loads of it. The task itself is compute.ts.
import type { z } from 'zod';
import type { TaskContext } from '../../src/task.js';
import { factorize } from './factorize.js';
import { fibonacci } from './fibonacci.js';
import { mandelbrot } from './mandelbrot.js';
import { matmul } from './matmul.js';
import { nqueens } from './nqueens.js';
import { pi } from './pi.js';
import { primes } from './primes.js';
import type * as schemas from './schemas.js';

/** What the schemas give. */
export type ComputeInput = z.output<
  | typeof schemas.primesInput
  | typeof schemas.factorizeInput
  | typeof schemas.fibonacciInput
  | typeof schemas.piInput
  | typeof schemas.matmulInput
  | typeof schemas.nqueensInput
  | typeof schemas.mandelbrotInput
>;

export default function run(input: ComputeInput, { signal }: Pick<TaskContext, 'signal'>) {
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
}
