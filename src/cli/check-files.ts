// The process in which `millrace check` imports the task files and the app's file, as a server process would, and the task
// files in a thread as well: whatever they do to it, the command is there to tell. The app's setup is not run: it may open
// databases. What it tells is check.ts.
import { ConfigError } from '../config.js';
import { createLane } from '../lane/lane.js';
import type { LoadStep } from '../load-fault.js';
import { beforeProcessExit } from '../process-exit.js';
import { nameSources } from '../source-maps.js';
import { AppFileError, loadApp } from '../tasks/app-file.js';
import { reasonOf } from '../tasks/error-report.js';
import { createLoadWatch } from '../tasks/load-watch.js';
import { hasRoute, loadTasks, type Task, TaskFileChanged, TaskFileError } from '../tasks/registry.js';
import { thrownByCode } from '../tasks/thrown-by-code.js';

export interface CheckedTask {
  readonly name: string;
  readonly module: string;
  readonly routes: readonly string[];
}

/** What is to be imported. `app`: an absolute path. */
export interface ToCheck {
  readonly folders: readonly string[];
  readonly app: string | undefined;
  readonly poolMaxHeapMb: number;
}

export type FromCheck =
  | { readonly type: 'loading'; readonly file: string | null; readonly step: LoadStep }
  | { readonly type: 'loaded'; readonly tasks: readonly CheckedTask[] }
  | { readonly type: 'refused'; readonly line: string; readonly final: boolean };

nameSources();

process.once('message', (files: ToCheck) => void checkFiles(files));

async function checkFiles({ folders, app, poolMaxHeapMb }: ToCheck): Promise<void> {
  const watch = createLoadWatch((file, step) => send({ type: 'loading', file, step }));
  for (const event of ['uncaughtException', 'unhandledRejection'])
    process.on(event, (thrown: unknown) => {
      if (watch.takesError(thrown)) return;
      const fault = watch.laterError(thrown);
      if (fault === undefined) refuse(leftBehind(thrown), thrown);
      else refuse(fault);
    });
  beforeProcessExit((code) => {
    const fault = watch.exitBy(code);
    if (fault !== undefined) send({ type: 'refused', line: fault.message, final: true });
  });
  try {
    const tasks = await watch.run(async () => {
      const loaded = await loadTasks(folders, watch.importing);
      if (app !== undefined) {
        await watch.importing(app);
        await loadApp(app);
      }
      return loaded;
    });
    await watch.settled();
    await loadInThread(tasks, poolMaxHeapMb);
    send({
      type: 'loaded',
      tasks: tasks.map((task) => ({ name: task.name, module: task.module, routes: routesOf(task) })),
    });
  } catch (error) {
    const isChanged = error instanceof TaskFileChanged;
    const isKnown = [TaskFileError, AppFileError, ConfigError].some((known) => error instanceof known);
    if (!(error instanceof Error && (isChanged || isKnown))) throw error;
    refuse(error);
  }
}

function refuse(error: Error, thrown = thrownByCode(error)): never {
  if (thrown instanceof Error) process.stderr.write(`${thrown.stack}\n`);
  send({ type: 'refused', line: error.message, final: !(error instanceof TaskFileChanged) });
  process.exit();
}

/** By code that is in none of the files themselves. */
function leftBehind(thrown: unknown): ConfigError {
  return new ConfigError(`a task file, or the app, leaves an error behind: ${reasonOf(thrown)}`, {
    cause: thrown,
  });
}

/** As a start does: what is thrown in threads alone is thrown here. */
async function loadInThread(tasks: readonly Task[], poolMaxHeapMb: number): Promise<void> {
  const lane = createLane({ tasks, config: { poolMinThreads: 1, poolMaxThreads: 1, poolMaxHeapMb } });
  await lane.warm();
}

/** `POST /hash (JSON or bytes)`, `GET /hash` */
function routesOf(task: Task): string[] {
  if (!hasRoute(task)) return [];
  const { route, definition } = task;
  const { fromBytes, query, pathParam } = definition;
  const post = `POST ${route}${fromBytes === undefined ? '' : ' (JSON or bytes)'}`;
  if (!query) return [post];
  return [post, `GET ${route}${pathParam === undefined ? '' : `/:${pathParam}`}`];
}

function send(message: FromCheck): void {
  process.send?.(message);
}
