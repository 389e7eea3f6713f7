import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { queryForm } from '#src/server/request/query-form.js';
import { fieldValues } from '#src/tasks/input-shapes.js';

function formOf(input: z.ZodType) {
  const form = queryForm({ input, query: true, run: () => null });
  if (form === undefined) throw new Error('no form');
  return (text: string) => form.inputOf(new Map(new URLSearchParams(text)));
}

describe('a GET form reads', () => {
  it.each([
    [z.number(), '1.50', 1.5],
    [z.int(), '-7', -7],
    [z.number().optional(), '0', 0],
    [z.number().default(3), '4', 4],
    [z.number().nullable(), '4', 4],
    [z.boolean(), 'false', false],
    [z.string(), '12', '12'],
    [z.union([z.string(), z.number()]), '12', '12'],
    [z.union([z.number(), z.boolean()]), '12', 12],
    [z.literal(5), '5', 5],
    [z.literal([1, 2]), '2', 2],
    [z.enum(['1', '2']), '2', '2'],
    [z.date(), '2020-01-01', '2020-01-01'],
    [z.coerce.number(), '12', 12],
    [z.string().transform(Number), '12', '12'],
  ])('%#: a field', (field, text, value) => {
    expect(formOf(z.strictObject({ field }))(`field=${text}`)).toEqual({ field: value });
  });
});

describe('a GET form refuses', () => {
  it.each([
    [z.number(), '1e3'],
    [z.number(), '%2B1'],
    [z.number(), '.5'],
    [z.number(), '01'],
    [z.coerce.number(), '0x10'],
    [z.number(), 'Infinity'],
    [z.boolean(), '0'],
  ])('%#: a text for a field', (field, text) => {
    expect(() => formOf(z.strictObject({ field }))(`field=${text}`)).toThrow('do not fit');
  });
});

describe('a GET form has', () => {
  it('the fields of the union’s shape that the constants choose', () => {
    const read = formOf(
      z.discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('a'), x: z.number() }),
        z.discriminatedUnion('kind', [
          z.strictObject({ kind: z.enum(['b', 'c']), x: z.string() }),
          z.strictObject({ kind: z.literal('d'), x: z.array(z.string()) }),
        ]),
      ]),
    );
    expect(read('kind=a&x=1')).toEqual({ kind: 'a', x: 1 });
    expect(read('kind=c&x=1')).toEqual({ kind: 'c', x: '1' });
    expect(read('x=1&kind=b')).toEqual({ kind: 'b', x: '1' });
    expect(() => read('kind=a&y=1')).toThrow('do not fit');
  });

  it('both halves of an intersection', () => {
    const half = z.object({ a: z.number() });
    const read = formOf(
      z.intersection(half, z.union([z.object({ b: z.boolean() }), z.object({ c: z.int() })])),
    );
    expect(read('a=1&b=true')).toEqual({ a: 1, b: true });
    expect(read('a=1&c=2')).toEqual({ a: 1, c: 2 });
    expect(() => read('a=1&d=2')).toThrow('do not fit');
  });

  it('no fields of arrays or objects', () => {
    const read = formOf(z.strictObject({ a: z.number(), list: z.array(z.string()).optional() }));
    expect(() => read('a=1&list=x')).toThrow('do not fit');
  });

  it('whatever an open schema takes, and only own properties', () => {
    expect(formOf(z.looseObject({ a: z.number() }))('a=1&more=2')).toEqual({ a: 1, more: '2' });
    const value = formOf(z.looseObject({}))('__proto__=x');
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value)).toEqual(['__proto__']);
  });

  it('only the values that can be written as parameters', () => {
    const input = z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('flat'), x: z.number() }),
      z.strictObject({ kind: z.literal('deep'), x: z.array(z.number()) }),
    ]);
    const form = queryForm({ input, query: true, run: () => null });
    expect([form?.has('kind', 'flat'), form?.has('kind', 'deep')]).toEqual([true, false]);
    expect(fieldValues(input, 'x')).toBeUndefined();
    expect(fieldValues(input, 'y')).toEqual(new Set());
    expect([...(fieldValues(input, 'kind') ?? [])]).toEqual(['flat', 'deep']);
  });
});
