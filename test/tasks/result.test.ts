import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { encodeResult } from '#src/tasks/result.js';

const json = (value: unknown) => encodeResult({}, value).body;

describe('a result', () => {
  it('is what toJSON makes of it', () => {
    const at = new Date(0);
    expect(json({ at })).toBe('{"at":"1970-01-01T00:00:00.000Z"}');
    expect(json({ toJSON: () => ({ n: 1, none: undefined }) })).toBe('{"n":1}');
    expect(json([{ toJSON: () => null }])).toBe('[null]');
  });

  it('may leave fields undefined', () => {
    expect(json({ a: undefined, b: null })).toBe('{"b":null}');
  });

  it.each<[unknown]>([
    [undefined],
    [Number.NaN],
    [[1, undefined]],
    [new Map()],
    [{ toJSON() {} }],
    [{ a: { toJSON() {} } }],
    [{ a: { toJSON: () => Number.NaN } }],
    [{ a: { toJSON: () => ({ b: Number.POSITIVE_INFINITY }) } }],
    // JSON.stringify asks once only: the Date would become {}.
    [{ toJSON: () => new Date(0) }],
    [[Object.assign([1], { toJSON: () => 1n })]],
    [{ a: new Date(Number.NaN) }],
  ])('that is %o is TASK_FAILED', (value) => {
    expect(() => json(value)).toThrow(expect.objectContaining({ code: 'TASK_FAILED' }));
  });

  const cycle: { rows: unknown[] } = { rows: [1] };
  cycle.rows.push({ all: cycle.rows });
  let deep: unknown = 1;
  for (let level = 0; level < 100_000; level++) deep = [deep];
  class Point {}
  const trap = {
    get field(): string {
      throw new Error('trap');
    },
  };

  it.each<[unknown, string]>([
    [undefined, 'the result is undefined'],
    [() => 1, 'the result is a function'],
    [Number.NaN, 'the result is NaN, which JSON does not have'],
    [
      { rows: [{ price: 1 }, { price: -1 / 0 }] },
      'result.rows.1.price is -Infinity, which JSON does not have',
    ],
    [{ id: 1n }, 'result.id is a BigInt, which JSON does not have: return String(…) of it'],
    [[1, undefined], 'result.1 is undefined'],
    [{ a: Symbol('s') }, 'result.a is a symbol'],
    [{ at: new Date(Number.NaN) }, 'result.at is an invalid Date'],
    [
      { points: [new Point()] },
      'result.points.0 is an instance of Point: return a plain object, or give the class a toJSON',
    ],
    [{ m: new Map() }, 'result.m is a Map: return a plain object or an array'],
    [{ p: Promise.resolve() }, 'result.p is a promise: await it'],
    [{ e: new RangeError('x') }, 'result.e is an error (RangeError): throw it'],
    [Readable.from([]), 'the result is a stream (Readable): return what it gives'],
    [
      { b: new Uint8Array(1) },
      'result.b is a Uint8Array: bytes can be sent only as the whole result, as a Uint8Array',
    ],
    [{ a: { toJSON() {} } }, 'result.a has a toJSON that returns undefined'],
    [{ rows: [1, trap] }, 'result.rows.1.field cannot be read: trap'],
    [{ a: { toJSON: () => trap.field } }, 'result.a cannot be read: trap'],
    [new Proxy({}, { ownKeys: () => trap.field }), 'the result cannot be read: trap'],
    [cycle, 'result.rows.1.all is a cycle: it is result.rows again'],
    [deep, 'the result is nested too deep'],
  ])('that cannot be sent says where and why: %#', (value, message) => {
    expect(() => json(value)).toThrow(
      expect.objectContaining({ cause: expect.objectContaining({ message }) }),
    );
  });

  it('that does not fit its schema says where and why', () => {
    const output = z.object({ rows: z.array(z.object({ price: z.number() })) });
    const value = { rows: [{ price: 1 }, { price: 'x' }] };
    expect(() => encodeResult({ output }, value)).toThrow(
      expect.objectContaining({
        cause: expect.objectContaining({ message: expect.stringContaining('result.rows.1.price: ') }),
      }),
    );
  });
});
