// millrace check: reads settings, task files, the app's file and API keys as a start would, looks at the places that it
// would take (check-places.ts), and tells what would run. It starts no server, and runs no app's setup.
import { fork } from 'node:child_process';
import { dirname, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KeyFileError, readApiKeys } from '../api-keys.js';
import { type Config, ConfigError } from '../config.js';
import { budget, readCores } from '../core-budget.js';
import { localUrl } from '../host.js';
import { checkRedisPackages } from '../jobs/redis/packages.js';
import { endedWhileLoading, type Loading, neverLoaded } from '../load-fault.js';
import { builtFile } from '../package-files.js';
import { builtInTasks } from '../tasks/files.js';
import { taskFolders } from '../tasks/folders.js';
import type { CheckedTask, FromCheck, ToCheck } from './check-files.js';
import { checkPlaces } from './check-places.js';
import { CommandError } from './failure.js';
import { textTable } from './text-table.js';

/** @throws ConfigError for a task file or an app that cannot be served, or a key file or a place that cannot be used */
export async function check(config: Config): Promise<string> {
  const app = config.app === undefined ? undefined : resolve(config.app);
  const { poolMaxHeapMb, bootTimeoutMs } = config;
  const tasks = await importFiles({ folders: taskFolders(config), app, poolMaxHeapMb }, bootTimeoutMs);
  if (config.apiKeysFile !== undefined) await readApiKeys(config.apiKeysFile).catch(unusable);
  if (config.jobs === 'on' && config.redisUrl !== undefined) checkRedisPackages();
  await checkPlaces(config);
  const { serverProcesses, threadsPerProcess } = budget(config, readCores());
  const admin =
    config.adminPort === 'off' ? 'no admin server' : `admin ${localUrl(config.adminHost, config.adminPort)}`;
  return [
    `Would run ${plural(serverProcesses, 'server process', 'server processes')} × ` +
      `${plural(threadsPerProcess, 'thread', 'threads')} at ${localUrl(config.host, config.port)}, ${admin}`,
    '',
    textTable([
      ['TASK', 'ROUTES', 'FROM'],
      ...tasks.map((task) => [task.name, routesOf(task, config.routePrefix), originOf(task)]),
    ]),
    '',
    ...(app === undefined ? [] : [`The app is ${app}. Its setup was not run.`, '']),
    `Settings${app === undefined ? ' and' : ','} task files${app === undefined ? '' : ' and app'} are fine.`,
  ].join('\n');
}

/** In a process of their own, which they may end or keep busy. */
function importFiles(files: ToCheck, timeoutMs: number): Promise<readonly CheckedTask[]> {
  return new Promise((resolve, reject) => {
    const child = fork(builtFile('src/cli/check-files.js'));
    let loading: Loading | undefined;
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      const line =
        loading === undefined
          ? `the task files could not be loaded in a thread within ${timeoutMs} ms (BOOT_TIMEOUT_MS)`
          : neverLoaded(loading, timeoutMs).line;
      reject(new ConfigError(line));
    }, timeoutMs);
    child.on('message', (message: FromCheck) => {
      if (message.type === 'loading')
        loading = message.file === null ? undefined : { file: message.file, step: message.step };
      else if (message.type === 'refused')
        reject(new (message.final ? ConfigError : CommandError)(message.line));
      else {
        resolve(message.tasks);
        // What the files have left behind is nothing to wait for.
        child.kill('SIGKILL');
      }
    });
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      if (loading !== undefined) reject(new ConfigError(endedWhileLoading(loading, code, signal).line));
      else
        reject(new CommandError(`the check ended ${signal === null ? `with code ${code}` : `by ${signal}`}`));
    });
    child.once('error', (cause) =>
      reject(new CommandError(`the check cannot be started: ${cause.message}`, { cause })),
    );
    child.send(files);
  });
}

function unusable(error: unknown): never {
  throw error instanceof KeyFileError ? new ConfigError(error.message, { cause: error }) : error;
}

function routesOf({ routes }: CheckedTask, prefix = ''): string {
  if (routes.length === 0) return 'none: it is for call';
  return routes.map((route) => route.replace(' /', ` ${prefix}/`)).join(', ');
}

function originOf({ module }: CheckedTask): string {
  const folder = dirname(fileURLToPath(module));
  return `${folder}${sep}` === builtInTasks ? 'built in' : folder;
}

function plural(count: number, one: string, more: string): string {
  return `${count} ${count === 1 ? one : more}`;
}
