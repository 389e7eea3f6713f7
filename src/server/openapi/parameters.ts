// The parameters of a GET form (or beside raw bytes), merged from the shapes that it may have: an operation has one list of them.
import type { z } from 'zod';
import { inputShapes, type JsonSchema, type Shape } from '../../tasks/input-shapes.js';
import type { Node } from './components.js';

export interface FormOptions {
  /** The field that stands in the path. */
  readonly pathParam?: string | undefined;
  /** A whole input, from which each parameter has its own example. */
  readonly example?: Readonly<Record<string, unknown>> | undefined;
  /** They go with bodies of this type only; the operation has others. */
  readonly mediaType?: string;
}

/** @param schema of what may be asked */
export function formParameters(schema: z.ZodType, options: FormOptions): Node[] {
  const shapes = inputShapes(schema);
  const names = [...new Set(shapes.flatMap(({ fields }) => [...fields.keys()]))];
  return names.map((name) => parameter(name, shapes, options));
}

function parameter(
  name: string,
  shapes: readonly Shape[],
  { pathParam, example = {}, mediaType }: FormOptions,
): Node {
  const having = shapes.filter(({ fields }) => fields.has(name));
  const always = having.length === shapes.length;
  const needed = always && shapes.every(({ required }) => required.has(name));
  const {
    description,
    default: byDefault,
    ...schema
  } = mergedSchema(having.map(({ schemas }) => schemas.get(name) ?? {}));
  const notes = [description];
  if (!always && pathParam !== undefined) notes.push(`For ${pathParam} ${valuesIn(having, pathParam)}.`);
  if (mediaType !== undefined) notes.push(`With a body of ${mediaType}${needed ? ', required there' : ''}.`);
  // Pages that try calls send defaults along: a call that does not have the parameter would be refused for that.
  const optional = !always || mediaType !== undefined;
  if (optional && byDefault !== undefined) notes.push(`Default: ${JSON.stringify(byDefault)}.`);
  const text = notes.filter((note) => note !== undefined).join(' ');
  return {
    name,
    in: name === pathParam ? 'path' : 'query',
    required: name === pathParam || (needed && mediaType === undefined),
    ...(text !== '' && { description: text }),
    schema: optional || byDefault === undefined ? schema : { ...schema, default: byDefault },
    ...(Object.hasOwn(example, name) && { example: example[name] }),
  };
}

/** Which values of a field the shapes stand for. */
function valuesIn(shapes: readonly Shape[], field: string): string {
  return shapes
    .flatMap(({ constants }) => constants.get(field) ?? [])
    .map((value) => `\`${value}\``)
    .join(', ');
}

/** One schema for what a parameter may be in any shape. */
function mergedSchema(variants: readonly JsonSchema[]): JsonSchema {
  const distinct = [...new Map(variants.map((one) => [JSON.stringify(one), one])).values()];
  const [first = {}] = distinct;
  if (distinct.length === 1) return first;
  const values = distinct.map((one) => (one.const !== undefined ? [one.const] : one.enum));
  if (values.every((one) => one !== undefined)) {
    const all = [...new Set(values.flat())];
    return all.every((one) => typeof one === 'string') ? { type: 'string', enum: all } : { enum: all };
  }
  return { anyOf: distinct };
}
