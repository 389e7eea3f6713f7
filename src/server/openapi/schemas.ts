// From the zod schemas that validate to the JSON schemas of the document.
import { z } from 'zod';
import type { Components, Node, Reference } from './components.js';

/** Shares a zod schema under a name. Schemas with an id of their own in it, or that repeat, are shared beside it. */
export function shareSchema(
  components: Components,
  name: string,
  schema: z.ZodType,
  io: 'input' | 'output',
): Reference {
  return components.share('schemas', name, () => {
    const { $schema, $defs, ...root } = z.toJSONSchema(schema, { unrepresentable: 'any', io });
    for (const [id, definition] of Object.entries($defs ?? {})) {
      components.share('schemas', partName(name, id), () => rebase(definition, name));
    }
    return rebase(root, name);
  });
}

function partName(name: string, id: string): string {
  return `${name}.${id.replace(/[^\w.-]/g, '_')}`;
}

/** Keywords of a schema whose value is data, whatever it looks like. */
const dataKeywords = new Set(['const', 'enum', 'default', 'examples', 'required']);
/** Keywords whose value is a map from names to schemas. */
const mapKeywords = new Set(['properties', 'patternProperties']);

/** A copy whose references lead to where `shareSchema` puts their targets. */
function rebase(schema: object, name: string): Node {
  const entries = Object.entries(schema).map(([keyword, value]): [string, unknown] => {
    if (keyword === '$ref' && typeof value === 'string') return [keyword, rebaseRef(value, name)];
    if (dataKeywords.has(keyword)) return [keyword, value];
    if (mapKeywords.has(keyword)) return [keyword, mapValues(value, (one) => rebaseAny(one, name))];
    return [keyword, rebaseAny(value, name)];
  });
  return Object.fromEntries(entries);
}

function rebaseAny(value: unknown, name: string): unknown {
  if (Array.isArray(value)) return value.map((one) => rebaseAny(one, name));
  return typeof value === 'object' && value !== null ? rebase(value, name) : value;
}

function mapValues(map: object, change: (value: unknown) => unknown): Node {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value)]));
}

function rebaseRef(ref: string, name: string): string {
  const id = /^#\/\$defs\/(.*)$/.exec(ref)?.[1];
  return `#/components/schemas/${id === undefined ? name : partName(name, id)}`;
}
