// A server of one process inside the process of a test, for supertest, vitest and the like.
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Express } from 'express';
import { type AppCall, type AppContext, type AppDefinition, setupOf } from '../app.js';
import { type Config, readConfig, type ServerConfig } from '../config.js';
import { processBudget, readCores } from '../core-budget.js';
import { fileOf } from '../definition-file.js';
import { localUrl } from '../host.js';
import { createLogger, type Logger } from '../log.js';
import { startServer } from '../server/server.js';
import type { TaskDefinition } from '../task.js';
import { loadApp } from '../tasks/app-file.js';
import { taskFolders } from '../tasks/folders.js';
import { loadTasks, type Task, taskOf } from '../tasks/registry.js';
import type { TaskSource } from './lane.js';
import { pathOf, type SettingsOptions, variablesOf } from './settings.js';

export interface TestServerOptions extends Omit<SettingsOptions, 'app' | 'tasksDir'> {
  /** The app's file, or what it exports. */
  readonly app?: string | URL | AppDefinition;
  /** As `createLane` takes them; with `threads: false` definitions as well. */
  readonly tasks?: TestTask | readonly TestTask[];
  /** False: tasks run in this very process, for breakpoints and coverage. Default: true. */
  readonly threads?: boolean;
  /** A pino logger. Default: nothing is said. */
  readonly log?: Logger;
}

export type TestTask = TaskSource | TaskDefinition;

export interface TestServer {
  /** For supertest: `request(server.app)`. */
  readonly app: Express;
  /** Where it listens: by default a free port of the loopback. */
  readonly url: string;
  readonly call: AppCall;
  /** Drains and ends it. */
  close(): Promise<void>;
}

const closeTimeoutMs = 10_000;

/**
 * Resolves when it listens. The settings of the environment do not count.
 * @throws TaskFileError, AppFileError, KeyFileError for a file that cannot be served; ConfigError for a setting that does
 * not fit; TypeError for a name that is no setting
 */
export async function testServer(options: TestServerOptions = {}): Promise<TestServer> {
  const { app, tasks: sources, threads = true, log = createLogger('silent', {}), ...given } = options;
  const appFile = typeof app === 'string' || app instanceof URL ? pathOf(app) : undefined;
  const config = readConfig({
    PORT: '0',
    ...variablesOf({
      ...given,
      app: appFile,
      ...(app !== undefined && { builtIns: given.builtIns ?? 'off' }),
    }),
  });
  const setup = appFile === undefined ? setupOf(app) : await loadApp(appFile);
  if (app !== undefined && setup === undefined) throw new TypeError('app: not made by defineApp');
  const tasks =
    sources === undefined ? await loadTasks(taskFolders(config)) : await tasksOf(sources, threads);
  let context: AppContext | undefined;
  const server = await startServer({
    config: oneProcess(config),
    slot: 1,
    log,
    tasks,
    onLoop: !threads,
    async setup(made) {
      context = made;
      await setup?.(made);
    },
    readiness: () => 'ok',
    connectionsFrom: 'address',
    onFatal(error) {
      log.fatal({ err: error }, 'the server is of no use any more');
    },
  });
  if (context === undefined) throw new Error('the server has no app');
  return {
    app: context.app,
    url: localUrl(config.host, server.port),
    call: context.call,
    close: async () => void (await server.close('stop', closeTimeoutMs)),
  };
}

async function tasksOf(sources: TestTask | readonly TestTask[], threads: boolean): Promise<readonly Task[]> {
  const tasks: Task[] = [];
  for (const source of isList(sources) ? sources : [sources]) {
    if (typeof source === 'string' || source instanceof URL)
      tasks.push(...(await loadTasks([pathOf(source)])));
    else if (threads) tasks.push(...(await loadTasks([fileNameOf(source)])));
    else {
      const file = fileNameOf(source);
      tasks.push(taskOf(source, file, pathToFileURL(file).href, new Map()));
    }
  }
  return tasks;
}

function isList(sources: TestTask | readonly TestTask[]): sources is readonly TestTask[] {
  return Array.isArray(sources);
}

function fileNameOf(definition: TaskDefinition): string {
  const file = fileOf(definition);
  if (file === undefined) throw new TypeError('tasks: a definition whose file is not known; name its file');
  return file.startsWith('file:') ? fileURLToPath(file) : file;
}

/** Threads by the machine's cores, as those of a single server process. */
function oneProcess(config: Config): ServerConfig {
  return { ...config, workers: 1, ...processBudget(config, readCores(), 1) };
}
