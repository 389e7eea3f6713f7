// millrace new-task NAME: writes a task file that works as it is, where the server will find it. Never over another.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { type Config, ConfigError } from '../config.js';
import { localUrl } from '../primary/address.js';
import { builtInTasks, nameFault, taskName, taskRoute } from '../tasks/files.js';
import { CommandError } from './failure.js';

/** @returns what to tell the user */
export async function newTask(name: string, config: Config): Promise<string> {
  const fault = nameFault(name);
  if (fault !== undefined) throw new ConfigError(`${JSON.stringify(name)}: ${fault}`);
  const { folder, extension } = await destination(config.tasksDir);
  for (const where of new Set([folder, builtInTasks])) await refuseTwin(name, where);
  const file = join(folder, `${name}.${extension}`);
  const write = extension === 'ts' ? typescriptTask : javascriptTask;
  const text = write(`${basename(folder)}/${name}.${extension}`, taskRoute(name));
  await writeFile(file, text, { flag: 'wx' }).catch((cause: NodeJS.ErrnoException) => {
    throw new CommandError(`${file} cannot be written (${cause.code})`, { cause });
  });
  const url = `${localUrl(config.host, config.port)}${taskRoute(name)}`;
  return [
    `${file} is there: POST ${taskRoute(name)}, GET ${taskRoute(name)}.`,
    ...(extension === 'ts' || hasZod(folder)
      ? []
      : [`It needs zod 4: npm install zod in ${folder}, or above it.`]),
    extension === 'ts' ? 'npm start builds and serves it; then:' : 'Start or reload the server; then:',
    '',
    `  curl -w '\\n' -H 'Content-Type: application/json' -d '{"text":"to be or not to be"}' ${url}`,
  ].join('\n');
}

interface Destination {
  readonly folder: string;
  readonly extension: 'ts' | 'js' | 'mjs';
}

async function destination(tasksDir: string | undefined): Promise<Destination> {
  if (tasksDir !== undefined) {
    const folder = resolve(tasksDir);
    return { folder, extension: (await isCommonJs(folder)) ? 'mjs' : 'js' };
  }
  const manifest = await manifestOf(process.cwd());
  if (manifest?.name !== 'millrace') {
    throw new ConfigError(
      'TASKS_DIR or --tasks must say where to write: this folder is no checkout of millrace',
    );
  }
  return { folder: resolve('workers'), extension: 'ts' };
}

/** Where the nearest package.json does not say "module", Node would warn of a .js file, or not load it at all. */
async function isCommonJs(folder: string): Promise<boolean> {
  for (let at = folder; ; at = dirname(at)) {
    const manifest = await manifestOf(at);
    if (manifest !== undefined) return manifest.type !== 'module';
    if (dirname(at) === at) return false;
  }
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

function hasZod(folder: string): boolean {
  try {
    createRequire(join(folder, 'task.js')).resolve('zod');
    return true;
  } catch {
    return false;
  }
}

/** As a file in workers/ sees it. */
const contract = '../src/task.js';

/** @param path of the file, as its reader knows it */
function typescriptTask(path: string, route: string): string {
  return `// ${path} → POST ${route}, GET ${route}?text=…
import { z } from 'zod';
import { defineTask } from '${contract}';

export default defineTask({
  ${body}
});
`;
}

function javascriptTask(path: string, route: string): string {
  return `// ${path} → POST ${route}, GET ${route}?text=…
import { z } from 'zod';

export default {
  ${body}
};
`;
}

const body = `summary: 'Count words',
  input: z.strictObject({ text: z.string().max(100_000) }),
  output: z.strictObject({ words: z.int() }),
  examples: [{ text: 'to be or not to be' }],
  query: true,
  cost: ({ text }) => 1 + text.length / 100,
  run: ({ text }) => ({ words: text.split(/\\s+/).filter(Boolean).length }),`;
