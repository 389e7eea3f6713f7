import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { encodeResult } from '#src/tasks/result.js';

const input = z.unknown();
const json = (value: unknown) => encodeResult({ input, run: () => value }, value).body;

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
});
