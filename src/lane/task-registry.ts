// Reads the task folders once, at boot, and refuses bad files. A URL never becomes a path: routes are made from
// what was found here.
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { z } from 'zod';
import { ConfigError } from '../config.js';
import type { TaskDefinition } from '../task.js';
import { inputIssues } from './input.js';
import { nameFault, taskName, taskRoute } from './task-files.js';

export interface Task {
  /** The file's name without extension: `hash.verify`. */
  readonly name: string;
  /** `/hash/verify` */
  readonly route: string;
  /** The module's file:// URL, for the threads to import. */
  readonly module: string;
  readonly definition: TaskDefinition;
}

/** A task file that cannot be served: one line that names the file. Ends the boot with 78. */
export class TaskFileError extends Error {
  override readonly name = 'TaskFileError';

  constructor(file: string, reason: string, cause?: unknown) {
    super(`${file}: ${reason.split('\n', 1)[0]}`, { cause });
  }
}

/** Node 22.18 and later strip types by themselves. */
const loadsTypeScript = 'typescript' in process.features && Boolean(process.features.typescript);

/**
 * The tasks of the folders' top-level files, by name. Files that begin with `_` or `.` and files that are no
 * modules are passed over.
 * @throws TaskFileError for the first file that cannot be served; ConfigError for a folder that cannot be read
 */
export async function loadTasks(folders: readonly string[]): Promise<readonly Task[]> {
  const tasks = new Map<string, Task>();
  for (const folder of folders) {
    for (const file of await moduleFiles(folder)) {
      const task = await loadTask(file);
      const twin = tasks.get(task.name);
      if (twin !== undefined)
        throw new TaskFileError(
          file,
          `the task ${task.name} is already there (${fileURLToPath(twin.module)})`,
        );
      tasks.set(task.name, task);
    }
  }
  refuseHiddenRoutes(tasks);
  return [...tasks.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function moduleFiles(folder: string): Promise<string[]> {
  const path = resolve(folder);
  const entries = await readdir(path).catch((cause: unknown) => {
    // The built-in folder is always there.
    const code = cause instanceof Error && 'code' in cause ? ` (${cause.code})` : '';
    throw new ConfigError(
      `TASKS_DIR must be a folder that can be read, not ${JSON.stringify(folder)}${code}`,
      { cause },
    );
  });
  return entries
    .filter((name) => taskName(name) !== undefined)
    .sort()
    .map((name) => join(path, name));
}

async function loadTask(file: string): Promise<Task> {
  const name = taskName(file) ?? '';
  const fault = nameFault(name);
  if (fault !== undefined) throw new TaskFileError(file, fault);
  if (/ts$/.test(file) && !loadsTypeScript) {
    throw new TaskFileError(file, 'this Node cannot load TypeScript: compile it to .js first');
  }
  const module = pathToFileURL(file).href;
  let exported: unknown;
  try {
    exported = ((await import(module)) as { default?: unknown }).default;
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new TaskFileError(
      file,
      `cannot be imported: ${message.split('\n', 1)[0]}${moduleHint(cause)}`,
      cause,
    );
  }
  return {
    name,
    route: taskRoute(name),
    module,
    definition: checkDefinition(file, exported),
  };
}

/** `npm init` writes `"type": "commonjs"`, and then Node takes no `import` in a `.js` file. */
function moduleHint(cause: unknown): string {
  const isHint =
    cause instanceof SyntaxError &&
    /outside a module|Unexpected token 'export'|of modules|import\.meta/.test(cause.message);
  return isHint ? ' (name it .mjs, or put "type": "module" into the package.json above it)' : '';
}

const callable = z.custom((value) => typeof value === 'function', 'must be a function');
const schema = z.custom(isZod4, 'must be a zod 4 schema');
/** What may stand in a Content-Type header. */
const contentType = z.string().regex(/^[\w.+-]+\/[\w.+-]+(?:;[ -~]*)?$/, 'must be a media type');
const outputRule = 'must be a zod 4 schema, { contentType }, or a list of these';
const output = z.union([schema, z.strictObject({ contentType })], outputRule);

/** What a default export must look like; the types of task.ts at run time, for modules that had no compiler. */
const definitionShape = z.strictObject({
  summary: z.string().optional(),
  description: z.string().optional(),
  input: schema,
  output: z.union([output, z.array(output).min(1)], outputRule).optional(),
  examples: z.array(z.unknown()).optional(),
  query: z.union([z.boolean(), schema], 'must be true, false or a zod 4 schema').optional(),
  pathParam: z.string().min(1).optional(),
  fromBytes: callable.optional(),
  bytesQuery: schema.optional(),
  kind: callable.optional(),
  cost: callable.optional(),
  run: callable,
});

/** Zod 4 schemas carry `_zod`, whichever copy of zod made them; zod 3's only `_def`. */
function isZod4(value: unknown): boolean {
  return typeof value === 'object' && value !== null && '_zod' in value && 'safeParse' in value;
}

function checkDefinition(file: string, exported: unknown): TaskDefinition {
  if (typeof exported !== 'object' || exported === null) {
    throw new TaskFileError(file, 'has no default export made by defineTask');
  }
  const shape = definitionShape.safeParse(exported);
  if (!shape.success) {
    const [issue] = inputIssues(shape.error);
    throw new TaskFileError(
      file,
      `${issue?.path ? `${issue.path}: ` : ''}${issue?.message}${zod3Hint(exported)}`,
    );
  }
  const definition = exported as TaskDefinition;
  if (definition.pathParam !== undefined && !definition.query) {
    throw new TaskFileError(file, 'pathParam needs query: it is a part of the GET form');
  }
  checkDescribable(file, definition);
  for (const [index, example] of (definition.examples ?? []).entries()) {
    const parsed = definition.input.safeParse(example);
    if (!parsed.success) {
      const [issue] = inputIssues(parsed.error);
      throw new TaskFileError(
        file,
        `examples.${index} does not fit the input: ${issue?.path} ${issue?.message}`,
      );
    }
  }
  return definition;
}

/** The API's description is made from the same schemas. */
function checkDescribable(file: string, { input, query, bytesQuery, output = [] }: TaskDefinition): void {
  const check = (field: string, schema: unknown, io: 'input' | 'output') => {
    if (!(schema instanceof Object) || !('_zod' in schema)) return;
    try {
      z.toJSONSchema(schema as z.ZodType, { unrepresentable: 'any', io });
    } catch (cause) {
      throw new TaskFileError(file, `${field}: has no JSON schema, so the API could not be described`, cause);
    }
  };
  check('input', input, 'input');
  check('query', query, 'input');
  check('bytesQuery', bytesQuery, 'input');
  for (const one of [output].flat()) check('output', one, 'output');
}

function zod3Hint(exported: object): string {
  const old = ['input', 'query', 'output'].find((field) => isZod3(Reflect.get(exported, field)));
  return old === undefined ? '' : ` (${old} is a zod 3 schema)`;
}

function isZod3(value: unknown): boolean {
  return typeof value === 'object' && value !== null && '_def' in value && !('_zod' in value);
}

/** `a.b` would stand behind the GET form of `a` where that has a path parameter. */
function refuseHiddenRoutes(tasks: ReadonlyMap<string, Task>): void {
  for (const task of tasks.values()) {
    const parent = tasks.get(task.name.replace(/\.[^.]*$/, ''));
    if (parent !== undefined && parent !== task && parent.definition.pathParam !== undefined) {
      throw new TaskFileError(
        fileURLToPath(task.module),
        `its route ${task.route} belongs to ${parent.name}/:${parent.definition.pathParam}`,
      );
    }
  }
}
