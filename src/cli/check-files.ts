// The process in which `millrace check` imports the task files, as a server process would: whatever they do to it, the
// command is there to tell. What it tells is check.ts.
import { ConfigError } from '../config.js';
import { createLoadWatch } from '../tasks/load-watch.js';
import { loadTasks, type Task, TaskFileChanged, TaskFileError } from '../tasks/registry.js';

export interface CheckedTask {
  readonly name: string;
  readonly module: string;
  readonly routes: readonly string[];
}

export type FromCheck =
  | { readonly type: 'loading'; readonly file: string | null }
  | { readonly type: 'loaded'; readonly tasks: readonly CheckedTask[] }
  | { readonly type: 'refused'; readonly line: string; readonly final: boolean };

process.once('message', (folders: readonly string[]) => void checkFiles(folders));

async function checkFiles(folders: readonly string[]): Promise<void> {
  const watch = createLoadWatch((file) => send({ type: 'loading', file }));
  for (const event of ['uncaughtException', 'unhandledRejection'])
    process.on(event, (thrown: unknown) => {
      if (!watch.takesError(thrown)) throw thrown;
    });
  try {
    const tasks = await watch.run(() => loadTasks(folders, watch.importing));
    send({
      type: 'loaded',
      tasks: tasks.map((task) => ({ name: task.name, module: task.module, routes: routesOf(task) })),
    });
  } catch (error) {
    const isChanged = error instanceof TaskFileChanged;
    const isKnown = isChanged || error instanceof TaskFileError || error instanceof ConfigError;
    if (!isKnown) throw error;
    send({ type: 'refused', line: error.message, final: !isChanged });
    process.exit();
  }
}

/** `POST /hash (JSON or bytes)`, `GET /hash` */
function routesOf({ route, definition }: Task): string[] {
  const { fromBytes, query, pathParam } = definition;
  const post = `POST ${route}${fromBytes === undefined ? '' : ' (JSON or bytes)'}`;
  if (!query) return [post];
  return [post, `GET ${route}${pathParam === undefined ? '' : `/:${pathParam}`}`];
}

function send(message: FromCheck): void {
  process.send?.(message);
}
