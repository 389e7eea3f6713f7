// The tasks of a thread, each loaded when it is first asked for: its whole file, or, where the task has its work in a
// file of its own (`runFrom`), that one alone.
import { fileURLToPath } from 'node:url';
import type { TaskDefinition } from '../task.js';
import { reasonOf } from '../tasks/error-report.js';
import { definitionOf, workOf } from '../tasks/module.js';
import type { RunnableTask } from '../tasks/run-task.js';
import type { PinnedCodeGuard } from './pinned-guard.js';
import type { ThreadTask } from './protocol.js';

export interface ThreadTasks {
  /** Undefined while it is not loaded. */
  loaded(task: number): RunnableTask | undefined;
  /** @throws Error with the `file` that cannot be imported */
  load(task: number): Promise<RunnableTask>;
  /** With its schemas. @throws Error with the `file` that cannot be imported */
  definition(task: number): Promise<TaskDefinition>;
}

/** @param exiting called where a file ends its thread while it is imported (`process.exit`), with what `load` would throw */
export function createThreadTasks(
  tasks: readonly ThreadTask[],
  guard: PinnedCodeGuard,
  exiting: (fault: Error) => void,
): ThreadTasks {
  const runnable = new Map<number, RunnableTask>();
  const definitions = new Map<number, TaskDefinition>();

  async function importFile(url: string): Promise<object> {
    const onExit = (code: number): void =>
      exiting(notImported(url, `the file ends the thread with code ${code}`));
    process.once('exit', onExit);
    try {
      return await guard.around<object>(() => import(url));
    } catch (cause) {
      throw notImported(url, reasonOf(cause), cause);
    } finally {
      process.off('exit', onExit);
    }
  }

  function taskAt(index: number): ThreadTask {
    const task = tasks[index];
    if (task === undefined) throw new RangeError(`there is no task ${index}`);
    return task;
  }

  async function definition(index: number): Promise<TaskDefinition> {
    const known = definitions.get(index);
    if (known !== undefined) return known;
    // What a task's file exports was checked by its server process.
    const made = definitionOf(await importFile(taskAt(index).module)) as TaskDefinition;
    definitions.set(index, made);
    return made;
  }

  async function workAlone(url: string, output: ThreadTask['output']): Promise<RunnableTask> {
    // As above.
    const work = workOf(await importFile(url)) as Pick<TaskDefinition, 'run' | 'setup'>;
    return { ...work, output };
  }

  return {
    loaded: (index) => runnable.get(index),
    async load(index) {
      const known = runnable.get(index);
      if (known !== undefined) return known;
      const { runFrom, output } = taskAt(index);
      const made = runFrom === undefined ? await definition(index) : await workAlone(runFrom, output);
      runnable.set(index, made);
      return made;
    },
    definition,
  };
}

function notImported(url: string, why: string, cause?: unknown): Error {
  const fault = new Error(`cannot be imported in a thread: ${why}`, { cause });
  return Object.assign(fault, { file: fileURLToPath(url) });
}
