// Reads the task folders once, at boot, and refuses bad files. A URL never becomes a path: routes are made from
// what was found here.
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ConfigError } from '../config.js';
import type { TaskDefinition } from '../task.js';
import { codeDigest } from './code-digest.js';
import { definitionFault } from './definition.js';
import { reasonOf } from './error-report.js';
import { nameFault, taskName, taskRoute } from './files.js';
import { changedFile } from './fingerprints.js';
import { importFault } from './import-fault.js';
import { definitionOf, workOf } from './module.js';
import { addCode, type CodeFiles } from './pinned-code.js';
import { typeScriptFault } from './typescript-files.js';

export interface Task {
  /** The file's name without extension: `hash.verify`. */
  readonly name: string;
  /** `/hash/verify`, also where its definition says that it has none. */
  readonly route: string;
  /** The module's file:// URL, for the threads to import. */
  readonly module: string;
  readonly definition: TaskDefinition;
  /** Its file and what it imports, as they were: shared by the tasks that were loaded together. */
  readonly code: CodeFiles;
  /** Of that, where it says `share`: machines that have the same version share. */
  readonly digest: string;
}

/** Whether it may be called over HTTP: else it is for `call` alone. */
export const hasRoute = ({ definition }: Pick<Task, 'definition'>): boolean => definition.route !== false;

/** A task file that cannot be served: one line that names the file. Ends the boot with 78. */
export class TaskFileError extends Error {
  override readonly name = 'TaskFileError';

  constructor(file: string, reason: string, cause?: unknown) {
    super(`${file}: ${reason.split('\n', 1)[0]}`, { cause });
  }
}

/** A file was written while it was being loaded: the next attempt may find it whole. */
export class TaskFileChanged extends Error {
  override readonly name = 'TaskFileChanged';

  constructor(file: string) {
    super(`${file}: has changed while it was being loaded`);
  }
}

/**
 * The tasks of the folders' top-level files, or of files that are named themselves, by name. Files that begin with `_`
 * or `.` and files that are no modules are passed over.
 * @param importing to be waited for before a file is imported
 * @throws TaskFileChanged; TaskFileError for the first file that cannot be served; ConfigError for a folder that cannot be read
 */
export async function loadTasks(
  folders: readonly string[],
  importing: (file: string) => Promise<void> = async () => {},
): Promise<readonly Task[]> {
  const tasks = new Map<string, Task>();
  const code: CodeFiles = new Map();
  for (const folder of folders) {
    for (const file of await moduleFiles(folder)) {
      const task = await loadTask(file, code, importing);
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
  refuseChanges(code);
  return [...tasks.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function moduleFiles(folder: string): Promise<string[]> {
  const path = resolve(folder);
  // A module's own file may be named, too.
  if (taskName(basename(path)) !== undefined && (await isFile(path))) return [path];
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

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

async function loadTask(
  file: string,
  code: CodeFiles,
  importing: (file: string) => Promise<void>,
): Promise<Task> {
  const name = taskName(file) ?? '';
  const fault = nameFault(name) ?? typeScriptFault(file);
  if (fault !== undefined) throw new TaskFileError(file, fault);
  // The threads import what is there now, wherever a link in the path leads to by then.
  const path = await realpath(file).catch(() => file);
  addCode(code, path);
  const module = pathToFileURL(path).href;
  await importing(file);
  let exported: unknown;
  try {
    exported = definitionOf(await import(module));
  } catch (cause) {
    throw new TaskFileError(file, await importFault(cause, path, code), cause);
  }
  const task = taskOf(exported, file, module, code);
  const unfit = await workFault(task.definition, code);
  if (unfit !== undefined) throw new TaskFileError(file, `runFrom ${unfit}`);
  return task;
}

/** Whether the file that threads load has the very work of the definition, which has been imported with it. */
async function workFault(
  { runFrom, run, setup }: TaskDefinition,
  code: CodeFiles,
): Promise<string | undefined> {
  if (runFrom === undefined) return undefined;
  if (runFrom.protocol !== 'file:') return `must be the URL of a file, not ${runFrom.href}`;
  let work: ReturnType<typeof workOf>;
  try {
    work = workOf(await import(runFrom.href));
  } catch (cause) {
    return importFault(cause, fileURLToPath(runFrom), code);
  }
  if (work.run !== run) return "must be the file whose default export is the task's run";
  return work.setup === setup ? undefined : "must be the file whose export `setup` is the task's setup";
}

/**
 * The task that a file's default export describes.
 * @param module the URL of what is loaded
 * @throws TaskFileError
 */
export function taskOf(exported: unknown, file: string, module: string, code: CodeFiles): Task {
  const name = taskName(file) ?? '';
  let unfit: string | undefined;
  try {
    unfit = definitionFault(exported);
  } catch (cause) {
    throw new TaskFileError(file, `its definition cannot be read: ${reasonOf(cause)}`, cause);
  }
  if (unfit !== undefined) throw new TaskFileError(file, `${unfit}${helperHint(exported)}`);
  const definition = exported as TaskDefinition;
  const digest = definition.share ? codeDigest(code, module) : '';
  return { name, route: taskRoute(name), module, definition, code, digest };
}

/** Whoever has put it there may not know that each file is a task. */
function helperHint(exported: unknown): string {
  const isTask =
    typeof exported === 'object' && exported !== null && ('input' in exported || 'run' in exported);
  return isTask ? '' : ' (a helper beside tasks: begin its name with _, or put it into a sub-folder)';
}

/** What was read and what was imported may differ: another process will do better. */
function refuseChanges(code: CodeFiles): void {
  const changed = changedFile([...code.values()].flatMap(({ prints }) => prints));
  if (changed !== undefined) throw new TaskFileChanged(changed);
}

/** `a.b` would stand behind the GET form of `a` where that has a path parameter. */
function refuseHiddenRoutes(tasks: ReadonlyMap<string, Task>): void {
  for (const task of [...tasks.values()].filter(hasRoute)) {
    const parent = tasks.get(task.name.replace(/\.[^.]*$/, ''));
    if (parent !== undefined && parent !== task && parent.definition.pathParam !== undefined) {
      throw new TaskFileError(
        fileURLToPath(task.module),
        `its route ${task.route} belongs to ${parent.name}/:${parent.definition.pathParam}`,
      );
    }
  }
}
