// The GET form of a task: which parameters there are and how their texts become values. Made once, at boot. Whether
// the values fit is then the schema's business.
import type { z } from 'zod';
import type { InputIssue } from '../../errors.js';
import type { TaskDefinition } from '../../task.js';
import { inputShapes, type Reading, type Shape } from '../../tasks/input-shapes.js';
import { invalidQuery, unknownParameter } from './query.js';

/** What a field's text must be. */
const readings = {
  text: 'text',
  number: 'a plain decimal number',
  boolean: 'true or false',
} satisfies Record<Reading, string>;

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

/** As much of a task as a GET form is made of. */
type QueryDefinition = Pick<TaskDefinition, 'input' | 'query'> & Partial<TaskDefinition>;

/** Undefined where the task has no GET form. */
export function queryForm(definition: QueryDefinition): QueryForm | undefined {
  const schema = querySchema(definition);
  if (schema === undefined) return undefined;
  const shapes = inputShapes(schema);
  return {
    inputOf(parameters, inPath) {
      if (inPath === undefined) return inputOf(shapes, parameters);
      if (parameters.has(inPath[0])) throw invalidQuery([unknownParameter(inPath[0])]);
      return inputOf(shapes, new Map([inPath, ...parameters]));
    },
    has: (field, value) =>
      shapes.some((shape) => shape.fields.has(field) && fits(shape, new Map([[field, value]]))),
  };
}

/** The schema of the GET form: the input's own, or a narrower one. */
export function querySchema({ query, input }: QueryDefinition): z.ZodType | undefined {
  if (query === undefined || query === false) return undefined;
  return query === true ? input : query;
}

function inputOf(shapes: readonly Shape[], parameters: ReadonlyMap<string, string>): Record<string, unknown> {
  const fitting = shapes.filter((shape) => fits(shape, parameters));
  // Where no shape fits, the schema itself says what is wrong, of whichever field is known to any.
  const candidates = fitting.length > 0 ? fitting : shapes;
  const issues: InputIssue[] = [];
  const entries: [string, unknown][] = [];
  for (const [name, text] of parameters) {
    const shape = candidates.find(({ fields }) => fields.has(name)) ?? candidates.find(({ open }) => open);
    const reading = shape?.fields.get(name) ?? 'text';
    const value = read(text, reading);
    if (shape === undefined) issues.push(unknownParameter(name));
    else if (value === undefined) issues.push({ path: name, message: `must be ${readings[reading]}` });
    else entries.push([name, value]);
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

/** Undefined where the text cannot be read so. */
function read(text: string, reading: Reading): unknown {
  if (reading === 'number') return decimal.test(text) ? Number(text) : undefined;
  if (reading === 'boolean') return text === 'true' || text === 'false' ? text === 'true' : undefined;
  return text;
}
