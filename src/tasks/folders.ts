// Which folders the tasks come from, by the settings.
import { statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Config } from '../config.js';
import { builtInTasks } from './files.js';

type FolderSettings = Pick<Config, 'app' | 'builtIns' | 'tasksDir'>;

/** Whether the routes and tasks that are there to try are served: where an app is, only if it asks for them. */
export function servesBuiltIns({ app, builtIns }: FolderSettings): boolean {
  return (builtIns ?? (app === undefined ? 'on' : 'off')) === 'on';
}

export function taskFolders(settings: FolderSettings): readonly string[] {
  const own = settings.tasksDir ?? besideApp(settings.app);
  return [...(servesBuiltIns(settings) ? [builtInTasks] : []), ...(own === undefined ? [] : [own])];
}

/** An app that keeps its tasks in the usual place need not say where. */
function besideApp(app: string | undefined): string | undefined {
  if (app === undefined) return undefined;
  const folder = join(dirname(resolve(app)), 'tasks');
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true ? folder : undefined;
}
