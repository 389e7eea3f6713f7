// The shapes that an input may have, read off the JSON schema of its zod schema: their fields, and the constants by
// which the shapes of a union are told apart.
import { z } from 'zod';

/** The JSON schema of z.toJSONSchema, as far as it is read here. */
export type JsonSchema = z.core.JSONSchema.BaseSchema;

/** How the text of a field becomes a value. */
export type Reading = 'text' | 'number' | 'boolean';

/** One shape an input may have; a union has several, told apart by their constants. */
export interface Shape {
  readonly fields: ReadonlyMap<string, Reading>;
  /** The same fields' own schemas, for the API's description. */
  readonly schemas: ReadonlyMap<string, JsonSchema>;
  readonly required: ReadonlySet<string>;
  /** Fields that have only these values. */
  readonly constants: ReadonlyMap<string, readonly unknown[]>;
  /** Fields that are not known are taken too. */
  readonly open: boolean;
}

/** The shapes that can be written as parameters. */
export function inputShapes(schema: z.ZodType): Shape[] {
  return objectsOf(schema).flatMap(shapeOf);
}

/** The values that a field of the input may have: none without such a field; undefined where they are not listed. */
export function fieldValues(schema: z.ZodType, field: string): ReadonlySet<string> | undefined {
  const lists = objectsOf(schema)
    .flatMap(({ properties = {} }) => (Object.hasOwn(properties, field) ? [properties[field]] : []))
    .map((one) => constantsOf(one));
  return lists.includes(undefined) ? undefined : new Set(lists.flatMap((list) => list ?? []).map(String));
}

/** The objects that a schema describes: one, or the alternatives of a union, however they are nested. */
function objectsOf(schema: z.ZodType): JsonSchema[] {
  const root: JsonSchema = z.toJSONSchema(schema, { unrepresentable: 'any', io: 'input' });
  return alternatives(root, root);
}

function alternatives(root: JsonSchema, one: JsonSchema): JsonSchema[] {
  const { oneOf = [], anyOf = [], allOf = [], ...plain } = resolve(root, one);
  const either = [...oneOf, ...anyOf].flatMap((nested) => alternatives(root, nested));
  const parts = [
    either.length > 0 ? either : [withFields(root, plain)],
    ...allOf.map((nested) => alternatives(root, nested)),
  ];
  return parts.reduce((wholes, part) => wholes.flatMap((whole) => part.map((more) => both(whole, more))));
}

/** What fields refer to is put in place: a field's schema stands alone. */
function withFields(root: JsonSchema, object: JsonSchema): JsonSchema {
  if (object.properties === undefined) return object;
  const fields = Object.entries(object.properties).map(
    ([name, field]) => [name, typeof field === 'object' ? resolve(root, field) : field] as const,
  );
  return { ...object, properties: Object.fromEntries(fields) };
}

/** An intersection's halves as one object. */
function both(one: JsonSchema, other: JsonSchema): JsonSchema {
  return {
    ...one,
    ...other,
    properties: { ...one.properties, ...other.properties },
    required: [...(one.required ?? []), ...(other.required ?? [])],
  };
}

function resolve(root: JsonSchema, one: JsonSchema): JsonSchema {
  const name = one.$ref?.replace('#/$defs/', '');
  const { $defs = {} } = root;
  return name !== undefined && Object.hasOwn($defs, name) ? ($defs[name] ?? one) : one;
}

/** None where a required field is an array or an object: that has no form as a parameter. */
function shapeOf(object: JsonSchema): Shape[] {
  const fields = new Map<string, Reading>();
  const schemas = new Map<string, JsonSchema>();
  const constants = new Map<string, readonly unknown[]>();
  for (const [name, field] of Object.entries(object.properties ?? {})) {
    if (typeof field === 'boolean') continue;
    const reading = readingOf(field);
    if (reading !== undefined) {
      fields.set(name, reading);
      schemas.set(name, field);
    } else if (object.required?.includes(name)) return [];
    const values = constantsOf(field);
    if (values !== undefined) constants.set(name, values);
  }
  const { additionalProperties } = object;
  const open = additionalProperties !== undefined && additionalProperties !== false;
  return [{ fields, schemas, required: new Set(object.required), constants, open }];
}

function readingOf(field: JsonSchema): Reading | undefined {
  const types = typesOf(field);
  // A field that may be a text is one: '5' stays '5'.
  if (types.includes('string') || types.length === 0) return 'text';
  if (types.includes('number') || types.includes('integer')) return 'number';
  return types.includes('boolean') ? 'boolean' : undefined;
}

function typesOf(field: JsonSchema): string[] {
  if (field.type !== undefined) return [field.type].flat();
  const nested = [...(field.oneOf ?? []), ...(field.anyOf ?? [])];
  if (nested.length > 0) return nested.flatMap(typesOf);
  return (constantsOf(field) ?? []).map((value) => typeof value);
}

function constantsOf(field: JsonSchema | boolean | undefined): readonly unknown[] | undefined {
  if (typeof field !== 'object') return undefined;
  return field.const !== undefined ? [field.const] : field.enum;
}
