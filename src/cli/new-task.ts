// millrace new-task NAME: writes a task file that works as it is, where the server will find it. Never over another.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
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
  const text = extension === 'ts' ? typescriptTask(taskRoute(name)) : javascriptTask(taskRoute(name));
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
    `  curl --json '{"n":1000}' ${url}`,
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

function typescriptTask(route: string): string {
  return `// The task ${route}: …
import { z } from 'zod';
import { defineTask } from '${contract}';

export default defineTask({
  ${body}
});
`;
}

function javascriptTask(route: string): string {
  return `// The task ${route}: …
import { z } from 'zod';

export default {
  ${body}
};
`;
}

const body = `summary: 'Sum of the squares up to n',
  input: z.strictObject({ n: z.int().min(0).max(100_000) }),
  output: z.strictObject({ sum: z.number() }),
  examples: [{ n: 1000 }],
  query: true,
  cost: ({ n }) => 1 + n / 500,
  run({ n }, { signal }) {
    let sum = 0;
    for (let i = 1; i <= n; i++) {
      if (i % 10_000 === 0) signal.throwIfAborted();
      sum += i * i;
    }
    return { sum };
  },`;
