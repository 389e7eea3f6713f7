import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '#src/errors.js';
import { parseJson } from '#src/tasks/json.js';

const parse = (text: string) => parseJson(new TextEncoder().encode(text));

/** The paths that a text is refused for. */
function refusedPaths(text: string): string[] {
  try {
    parse(text);
    return [];
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'INVALID_INPUT') throw error;
    return (error.issues ?? []).map(({ path }) => path);
  }
}

/** A JSON text, and whether an object in it has a field twice. */
interface Sample {
  readonly text: string;
  readonly repeats: boolean;
}

/** A name now plain, now as escapes: "a" is "\u0061". */
const name = fc
  .tuple(fc.constantFrom('a', 'b', '', '"', '\\', ':{', '__proto__', 'é', '0'), fc.boolean())
  .map(([name, escaped]) => ({ name, text: escaped ? inEscapes(name) : JSON.stringify(name) }));

function inEscapes(text: string): string {
  return `"${[...text].map((one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`;
}

const { value } = fc.letrec<{ value: Sample; object: Sample; array: Sample }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc
      .constantFrom('1', '-0.5e3', 'null', '""', '"a\\":{\\\\"', '":"')
      .map((text) => ({ text, repeats: false })),
    tie('object'),
    tie('array'),
  ),
  object: fc.array(fc.tuple(name, tie('value')), { maxLength: 4 }).map((entries) => ({
    text: `{ ${entries.map(([{ text }, one]) => `${text} : ${one.text}`).join()} }`,
    repeats:
      new Set(entries.map(([{ name }]) => name)).size < entries.length ||
      entries.some(([, one]) => one.repeats),
  })),
  array: fc.array(tie('value'), { maxLength: 4 }).map((parts) => ({
    text: `[${parts.map(({ text }) => text).join(' , ')}]`,
    repeats: parts.some(({ repeats }) => repeats),
  })),
}));

describe('a JSON body', () => {
  it('is read as JSON.parse reads it, and refused where an object has a field twice', () => {
    fc.assert(
      fc.property(value, ({ text, repeats }) => {
        const paths = refusedPaths(text);
        expect(paths).toHaveLength(repeats ? 1 : 0);
        if (!repeats) expect(parse(text)).toEqual(JSON.parse(text));
      }),
      { numRuns: 1_000 },
    );
  });

  it.each([
    ['{"a":1,"a":1}', 'a'],
    ['{"a":1,"\\u0061":2}', 'a'],
    ['{"a":{"b":{}},"c":{"b":1,"d":[],"b":2}}', 'c.b'],
    ['[0,[],{"x":[1,{"y":"}","z":{"w":0},"y":1}]}]', '2.x.1.y'],
    ['{"a":{"x":1,"y":2},"a":0}', 'a'],
    ['{"__proto__":1,"__proto__":2}', '__proto__'],
    ['{"\\"":"\\\\","\\"":","}', '"'],
  ])('%s is refused for %s', (text, path) => {
    expect(refusedPaths(text)).toEqual([path]);
  });

  it('may have a name in two objects, and a text that looks like fields', () => {
    const text = '{"a":{"a":[{"a":1},{"a":2}]},"b":"\\"a\\":1,\\"a\\":2"}';
    expect(parse(text)).toEqual(JSON.parse(text));
  });
});
