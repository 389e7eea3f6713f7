// What holds for every built-in task: examples that run, costs that are sane, schemas that describe themselves,
// signals that are heeded.
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import compute from '#workers/compute.js';
import hash from '#workers/hash.js';
import verify from '#workers/hash.verify.js';
import { runTask } from '../support/run-task.js';

const examples = [
  ...(hash.examples ?? []).map((input) => ({ name: 'hash', task: hash, input })),
  ...(verify.examples ?? []).map((input) => ({ name: 'hash.verify', task: verify, input })),
  ...(compute.examples ?? []).map((input) => ({ name: 'compute', task: compute, input })),
];

function fits(task: typeof hash | typeof verify | typeof compute, result: unknown): boolean {
  const outputs = [task.output].flat();
  return outputs.some((output) => {
    if (output === undefined) return true;
    return 'contentType' in output ? result instanceof Uint8Array : output.safeParse(result).success;
  });
}

describe('the built-in tasks', () => {
  test.each(examples)(
    '$name runs its example $input and answers what it declares',
    async ({ task, input }) => {
      expect(fits(task, await runTask(task, input))).toBe(true);
    },
  );

  test('every example of verification matches', () => {
    for (const input of verify.examples ?? []) expect(runTask(verify, input)).toEqual({ match: true });
  });

  test.each([
    ['hash', hash],
    ['hash.verify', verify],
    ['compute', compute],
  ] as const)('%s describes itself as JSON schema', (_name, { input, output, query }) => {
    const schemas = [input, output, query].flat().filter((one) => one instanceof z.ZodType);
    expect(schemas.length).toBeGreaterThan(1);
    for (const schema of schemas) expect(() => z.toJSONSchema(schema, { io: 'input' })).not.toThrow();
  });

  test.each([
    { operation: 'primes', limit: 0 },
    { operation: 'primes', limit: 1_000_000_000 },
    { operation: 'factorize', n: '1' },
    { operation: 'factorize', n: '9'.repeat(24) },
    { operation: 'fibonacci', n: 0 },
    { operation: 'fibonacci', n: 1_000_000 },
    { operation: 'pi', digits: 0 },
    { operation: 'pi', digits: 100_000 },
    { operation: 'nqueens', n: 1 },
    { operation: 'nqueens', n: 16 },
    { operation: 'mandelbrot', width: 1, height: 1 },
  ])('the cost of $operation is between a µs and half a minute at the ends of its range', (raw) => {
    const costUs = compute.cost?.(compute.input.parse(raw)) ?? 0;
    expect(costUs).toBeGreaterThanOrEqual(1);
    expect(costUs).toBeLessThan(30_000_000);
  });

  test.each([
    { operation: 'primes', limit: 1_000_000_000 },
    { operation: 'factorize', n: '999999999950000000000429' },
    { operation: 'fibonacci', n: 1_000_000 },
    { operation: 'pi', digits: 100_000 },
    { operation: 'matmul', a: [[1]], b: [[1]] },
    { operation: 'nqueens', n: 16 },
    { operation: 'mandelbrot', width: 500, height: 500, iterations: 5_000 },
  ])('$operation stops when it is aborted', async (raw) => {
    const reason = new Error('the caller left');
    await expect(async () => runTask(compute, raw, AbortSignal.abort(reason))).rejects.toThrow(reason);
  });

  test.each([
    { operation: 'primes', limit: 1_000_000_000 },
    { operation: 'factorize', n: '999999999950000000000429' },
    { operation: 'fibonacci', n: 1_000_000 },
    { operation: 'pi', digits: 100_000 },
    { operation: 'matmul', a: Array.from({ length: 20 }, () => [1]), b: [[1]] },
    { operation: 'nqueens', n: 16 },
    { operation: 'mandelbrot', width: 500, height: 500, iterations: 5_000 },
  ])('$operation goes on asking while it runs', async (raw) => {
    const reason = new Error('the caller left');
    const signal = new AbortController().signal;
    let asked = 0;
    signal.throwIfAborted = () => {
      if (++asked === 15) throw reason;
    };
    await expect(async () => runTask(compute, raw, signal)).rejects.toThrow(reason);
    expect(asked).toBe(15);
  });
});
