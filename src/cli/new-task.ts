// millrace new-task NAME: writes a task file that works as it is, where the server will find it. Never over another.
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { type Config, ConfigError } from '../config.js';
import { foldersAbove } from '../folders-above.js';
import { localUrl, socketPathOf } from '../host.js';
import { builtInTasks, nameFault, taskName, taskRoute } from '../tasks/files.js';
import { CommandError } from './failure.js';
import { bareTask, checkoutTask, packageTask } from './task-template.js';

/** @returns what to tell the user */
export async function newTask(name: string, config: Config): Promise<string> {
  const fault = nameFault(name);
  if (fault !== undefined) throw new ConfigError(`${JSON.stringify(name)}: ${fault}`);
  const { folder, extension, isCheckout } = await destination(config);
  for (const where of new Set([folder, builtInTasks])) await refuseTwin(name, where);
  const file = join(folder, `${name}.${extension}`);
  const ownPackage = hasPackage('millrace', folder);
  const write = isCheckout ? checkoutTask : ownPackage || extension === 'ts' ? packageTask : bareTask;
  const text = write(`${basename(folder)}/${name}.${extension}`, taskRoute(name));
  await writeFile(file, text, { flag: 'wx' }).catch((cause: NodeJS.ErrnoException) => {
    throw new CommandError(`${file} cannot be written (${cause.code})`, { cause });
  });
  const socket = socketPathOf(config.host);
  const server =
    socket === undefined ? localUrl(config.host, config.port) : `--unix-socket ${socket} http://localhost`;
  const url = `${server}${taskRoute(name)}`;
  return [
    `${file} is there: POST ${taskRoute(name)}, GET ${taskRoute(name)}.`,
    ...(isCheckout || hasPackage('zod', folder)
      ? []
      : [`It needs zod 4: npm install zod in ${folder}, or above it.`]),
    isCheckout ? 'npm start builds and serves it; then:' : `${howToServe(config, folder)}; then:`,
    '',
    `  curl -w '\\n' -H 'Content-Type: application/json' -d '{"text":"to be or not to be"}' ${url}`,
  ].join('\n');
}

/** The folder `tasks` is found beside an app alone. */
function howToServe({ app, tasksDir }: Config, folder: string): string {
  if (app !== undefined || tasksDir !== undefined) return 'Start or reload the server';
  return `Start your app, if it lies beside that folder, or npx millrace --tasks ${relative(process.cwd(), folder)}`;
}

interface Destination {
  readonly folder: string;
  readonly extension: 'ts' | 'js' | 'mjs';
  /** Of millrace itself, where tasks are built with the server. */
  readonly isCheckout: boolean;
}

/** TASKS_DIR, workers/ of a checkout, or tasks/: beside the app, or in this folder, where it is made. */
async function destination({ tasksDir, app }: Config): Promise<Destination> {
  if (tasksDir === undefined && (await manifestOf(process.cwd()))?.name === 'millrace')
    return { folder: resolve('workers'), extension: 'ts', isCheckout: true };
  const folder = resolve(tasksDir ?? join(app === undefined ? '.' : dirname(app), 'tasks'));
  if (tasksDir === undefined) await make(folder);
  const isTypeScript = tasksDir === undefined ? hasCompiler(folder) : await holdsTypeScript(folder);
  const extension = isTypeScript ? 'ts' : (await isCommonJs(folder)) ? 'mjs' : 'js';
  return { folder, extension, isCheckout: false };
}

async function make(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch((cause: NodeJS.ErrnoException) => {
    throw new CommandError(`${folder} cannot be made (${cause.code})`, { cause });
  });
}

/** A folder that is named may be one that a compiler writes. */
async function holdsTypeScript(folder: string): Promise<boolean> {
  const files = await readdir(folder).catch((): string[] => []);
  return files.some((file) => taskName(file) !== undefined && /ts$/.test(file));
}

/** A project with a tsconfig.json, up to where its package.json is. */
function hasCompiler(folder: string): boolean {
  for (const at of [folder, ...foldersAbove(folder)]) {
    if (existsSync(join(at, 'tsconfig.json'))) return true;
    if (existsSync(join(at, 'package.json'))) return false;
  }
  return false;
}

/** Where the nearest package.json does not say "module", Node would warn of a .js file, or not load it at all. */
async function isCommonJs(folder: string): Promise<boolean> {
  for (const at of [folder, ...foldersAbove(folder)]) {
    const manifest = await manifestOf(at);
    if (manifest !== undefined) return manifest.type !== 'module';
  }
  return false;
}

async function manifestOf(folder: string): Promise<{ name?: unknown; type?: unknown } | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  } catch {
    return undefined;
  }
}

async function refuseTwin(name: string, folder: string): Promise<void> {
  const files = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    throw new ConfigError(`the task folder ${folder} cannot be read (${cause.code})`, { cause });
  });
  const twin = files.find((file) => taskName(file) === name);
  if (twin !== undefined) throw new CommandError(`the task ${name} is already there: ${join(folder, twin)}`);
}

/** Whether files in the folder can import it. */
function hasPackage(name: string, folder: string): boolean {
  return [folder, ...foldersAbove(folder)].some((at) =>
    existsSync(join(at, 'node_modules', name, 'package.json')),
  );
}
