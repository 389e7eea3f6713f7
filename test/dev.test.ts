// npm run dev on a copy of the project: what an editor does to a file is built and served, however it is written.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { type Launched, patient, watch } from './support/cluster.js';
import { copyOfProject } from './support/copy-of-project.js';

interface Dev {
  readonly running: Launched;
  /** Writes as vim and git do: beside it, then over it by rename. */
  replace(file: string, text: string): void;
  read(file: string): string;
}

function startDev(wrap: readonly string[] = []): Dev {
  const copy = copyOfProject();
  const [command = '', ...args] = [...wrap, process.execPath, join(copy.path, 'dev.js')];
  // A process group of its own: whatever becomes of the test, none of it stays.
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH, PORT: '0', ADMIN_PORT: '0', WORKERS: '1', ...patient },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const running = watch(child);
  onTestFinished(async () => {
    running.signal('SIGKILL', 'group');
    await running.exited;
    copy[Symbol.dispose]();
  });
  return {
    running,
    replace(file, text) {
      writeFileSync(join(copy.path, 'saved'), text);
      renameSync(join(copy.path, 'saved'), join(copy.path, file));
    },
    read: (file) => readFileSync(join(copy.path, file), 'utf8'),
  };
}

function countOf({ lines }: Launched, message: string): number {
  return lines.filter(({ msg }) => msg === message).length;
}

function answering(text: string): string {
  return `import { z } from 'zod';
import { defineTask } from '../src/task.js';
export default defineTask({ input: z.strictObject({}), query: true, run: () => ({ text: '${text}' }) });
`;
}

it('npm run dev reloads what was written, also to a file that is replaced by rename again and again, and restarts where the primary runs it', async () => {
  const { running, replace, read } = startDev();
  const { url, pid } = await running.waitForLine(({ msg }) => msg === 'listening');
  const says: string[] = [];
  let refused = 0;
  for (const text of ['one', 'two', 'three']) {
    says.push('dev: workers/greet.ts changed: reloading');
    replace('workers/greet.ts', answering(text));
    while (countOf(running, 'reload completed') < says.length) {
      await fetch(`${url}/livez`, { headers: { connection: 'close' } }).catch(() => refused++);
      await sleep(20);
    }
    expect(await (await fetch(`${url}/greet`)).json()).toEqual({ text });
  }
  expect(refused).toBe(0);
  says.push('dev: src/primary/timings.ts changed: restarting, since the primary runs it too');
  replace('src/primary/timings.ts', `${read('src/primary/timings.ts')}// saved\n`);
  await running.waitForLine((line) => line.msg === 'listening' && line.pid !== pid);
  expect(running.stderr().trimEnd().split('\n')).toEqual(says);
});

/** A user namespace has a limit of its own. */
const noWatchers = 'echo 0 > /proc/sys/user/max_inotify_instances && exec "$@"';
const canLimit = spawnSync('unshare', ['-Ur', 'sh', '-c', noWatchers, 'sh', 'true']).status === 0;
if (!canLimit) console.warn('skipped: no user namespace here in which file watchers could be forbidden');

it.skipIf(!canLimit)(
  'npm run dev serves where files cannot be watched, and says so in one line',
  async () => {
    const { running } = startDev(['unshare', '-Ur', 'sh', '-c', noWatchers, 'sh']);
    const { url } = await running.waitForLine(({ msg }) => msg === 'listening');
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    expect(running.stderr()).toMatch(/^dev: files cannot be watched here \(EMFILE\)[^\n]+\n$/);
  },
);
