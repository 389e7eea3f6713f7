// millrace check: reads settings, task files and API keys as a start would, and tells what would run. It starts and binds nothing.
import { dirname, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { KeyFileError, readApiKeys } from '../api-keys.js';
import { type Config, ConfigError } from '../config.js';
import { budget, readCores } from '../core-budget.js';
import { localUrl } from '../primary/address.js';
import { builtInTasks } from '../tasks/files.js';
import { taskFolders } from '../tasks/folders.js';
import { loadTasks, type Task, TaskFileError } from '../tasks/registry.js';
import { textTable } from './text-table.js';

/** @throws ConfigError for a task file that cannot be served, or a key file that cannot be used */
export async function check(config: Config): Promise<string> {
  const tasks = await loadTasks(taskFolders(config)).catch(unusable);
  if (config.apiKeysFile !== undefined) await readApiKeys(config.apiKeysFile).catch(unusable);
  const { serverProcesses, threadsPerProcess } = budget(config, readCores());
  const admin =
    config.adminPort === 'off' ? 'no admin server' : `admin ${localUrl(config.adminHost, config.adminPort)}`;
  return [
    `Would run ${plural(serverProcesses, 'server process', 'server processes')} × ` +
      `${plural(threadsPerProcess, 'thread', 'threads')} at ${localUrl(config.host, config.port)}, ${admin}`,
    '',
    textTable([
      ['TASK', 'ROUTES', 'FROM'],
      ...tasks.map((task) => [task.name, routesOf(task).join(', '), originOf(task)]),
    ]),
    '',
    'Settings and task files are fine.',
  ].join('\n');
}

function unusable(error: unknown): never {
  const isFile = error instanceof TaskFileError || error instanceof KeyFileError;
  throw isFile ? new ConfigError(error.message, { cause: error }) : error;
}

function originOf({ module }: Task): string {
  const folder = dirname(fileURLToPath(module));
  return `${folder}${sep}` === builtInTasks ? 'built in' : folder;
}

/** `POST /hash (JSON or bytes)`, `GET /hash` */
export function routesOf({ route, definition }: Task): string[] {
  const { fromBytes, query, pathParam } = definition;
  const post = `POST ${route}${fromBytes === undefined ? '' : ' (JSON or bytes)'}`;
  if (!query) return [post];
  return [post, `GET ${route}${pathParam === undefined ? '' : `/:${pathParam}`}`];
}

function plural(count: number, one: string, more: string): string {
  return `${count} ${count === 1 ? one : more}`;
}
