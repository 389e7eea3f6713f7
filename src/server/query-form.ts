// The GET form of a task: which parameters there are and how their texts become values, read off the JSON schema of
// what may be asked by GET. Made once, at boot. Whether the values fit is then the schema's business.
import { z } from 'zod';
import type { InputIssue } from '../errors.js';
import type { TaskDefinition } from '../task.js';
import { invalidQuery, unknownParameter } from './query.js';

/** The JSON schema of z.toJSONSchema, as far as it is read here. */
type JsonSchema = z.core.JSONSchema.BaseSchema;

/** How the text of a field becomes a value. */
type Reading = 'text' | 'number' | 'boolean';

/** One shape an input may have; a union has several, told apart by their constants. */
interface Shape {
  readonly fields: ReadonlyMap<string, Reading>;
  /** Fields that have only these values. */
  readonly constants: ReadonlyMap<string, readonly unknown[]>;
  /** Fields that are not known are taken too. */
  readonly open: boolean;
}

export interface QueryForm {
  /**
   * What the parameters say, for the schema to validate.
   * @param inPath the field that stands in the path, and its value
   * @throws AppError INVALID_INPUT for unknown ones
   */
  inputOf(
    parameters: ReadonlyMap<string, string>,
    inPath?: readonly [field: string, value: string],
  ): Record<string, unknown>;
  /** True where an input with this value in the field can be written as parameters at all. */
  has(field: string, value: string): boolean;
}

/** Undefined where the task has no GET form. */
export function queryForm(definition: TaskDefinition): QueryForm | undefined {
  const schema = querySchema(definition);
  if (schema === undefined) return undefined;
  const shapes = objectsOf(schema).flatMap(shapeOf);
  return {
    inputOf(parameters, inPath) {
      if (inPath === undefined) return inputOf(shapes, parameters);
      if (parameters.has(inPath[0])) throw invalidQuery([unknownParameter(inPath[0])]);
      return inputOf(shapes, new Map([inPath, ...parameters]));
    },
    has: (field, value) => shapes.some(({ constants }) => constants.get(field)?.includes(value)),
  };
}

/** The schema of the GET form: the input's own, or a narrower one. */
export function querySchema({ query, input }: TaskDefinition): z.ZodType | undefined {
  if (query === undefined || query === false) return undefined;
  return query === true ? input : query;
}

/** The values that a field of the input may have: where there is a fixed set of them. */
export function fieldValues(schema: z.ZodType, field: string): ReadonlySet<string> {
  const values = objectsOf(schema).flatMap((object) => constantsOf(object.properties?.[field]) ?? []);
  return new Set(values.filter((value) => typeof value === 'string'));
}

function inputOf(shapes: readonly Shape[], parameters: ReadonlyMap<string, string>): Record<string, unknown> {
  const fitting = shapes.filter((shape) => fits(shape, parameters));
  // Where no shape fits, the schema itself says what is wrong, of whichever field is known to any.
  const candidates = fitting.length > 0 ? fitting : shapes;
  const issues: InputIssue[] = [];
  const entries: [string, unknown][] = [];
  for (const [name, text] of parameters) {
    const reading = candidates.find(({ fields }) => fields.has(name))?.fields.get(name);
    if (reading !== undefined) entries.push([name, read(text, reading)]);
    else if (candidates.some(({ open }) => open)) entries.push([name, text]);
    else issues.push(unknownParameter(name));
  }
  if (issues.length > 0) throw invalidQuery(issues);
  // Own properties whatever their names are: `__proto__` is a field like any other.
  return Object.fromEntries(entries);
}

function fits({ fields, constants }: Shape, parameters: ReadonlyMap<string, string>): boolean {
  for (const [name, values] of constants) {
    const text = parameters.get(name);
    if (text !== undefined && !values.includes(read(text, fields.get(name) ?? 'text'))) return false;
  }
  return true;
}

const decimal = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;

/** A text that cannot be read so stays a text, for the schema to complain about. */
function read(text: string, reading: Reading): unknown {
  if (reading === 'number' && decimal.test(text)) return Number(text);
  if (reading === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

/** The alternatives of a schema that are objects, however they are nested. */
function objectsOf(schema: z.ZodType): JsonSchema[] {
  const root: JsonSchema = z.toJSONSchema(schema, { unrepresentable: 'any', io: 'input' });
  const alternatives = (one: JsonSchema): JsonSchema[] => {
    const resolved = resolve(root, one);
    const nested = [...(resolved.oneOf ?? []), ...(resolved.anyOf ?? [])];
    return nested.length > 0 ? nested.flatMap(alternatives) : [resolved];
  };
  return alternatives(root);
}

function resolve(root: JsonSchema, one: JsonSchema): JsonSchema {
  const name = one.$ref?.replace('#/$defs/', '');
  return name === undefined ? one : (root.$defs?.[name] ?? one);
}

/** None where a required field is an array or an object: that has no form as a parameter. */
function shapeOf(object: JsonSchema): Shape[] {
  const fields = new Map<string, Reading>();
  const constants = new Map<string, readonly unknown[]>();
  for (const [name, field] of Object.entries(object.properties ?? {})) {
    if (typeof field === 'boolean') continue;
    const reading = readingOf(field);
    if (reading !== undefined) fields.set(name, reading);
    else if (object.required?.includes(name)) return [];
    const values = constantsOf(field);
    if (values !== undefined) constants.set(name, values);
  }
  const { additionalProperties } = object;
  return [{ fields, constants, open: additionalProperties !== undefined && additionalProperties !== false }];
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
