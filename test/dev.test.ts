// npm run dev on a copy of the project: what an editor does to a file is built and served, however it is written.
import { spawn } from 'node:child_process';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { type LogLine, watch } from './support/cluster.js';
import { copyOfProject } from './support/copy-of-project.js';

interface Dev {
  /** Writes as vim and git do: beside it, then over it by rename. */
  replace(file: string, text: string): void;
  /** Waits for a server other than the last one. */
  restarted(): Promise<LogLine>;
}

function startDev(): Dev {
  const copy = copyOfProject();
  // A process group of its own: whatever becomes of the test, none of it stays.
  const child = spawn(process.execPath, [join(copy.path, 'dev.js')], {
    env: { PATH: process.env.PATH, PORT: '0', ADMIN_PORT: '0', WORKERS: '1', BOOT_TIMEOUT_MS: '60000' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const running = watch(child);
  onTestFinished(async () => {
    running.signal('SIGKILL', 'group');
    await running.exited;
    copy[Symbol.dispose]();
  });
  const seen = new Set<unknown>();
  return {
    replace(file, text) {
      writeFileSync(join(copy.path, 'saved'), text);
      renameSync(join(copy.path, 'saved'), join(copy.path, file));
    },
    async restarted() {
      const line = await running.waitForLine(({ msg, pid }) => msg === 'listening' && !seen.has(pid));
      seen.add(line.pid);
      return line;
    },
  };
}

function answering(text: string): string {
  return `import { z } from 'zod';
import { defineTask } from '../src/task.js';
export default defineTask({ input: z.strictObject({}), query: true, run: () => ({ text: '${text}' }) });
`;
}

it('npm run dev serves what was written, also to a file that is replaced by rename again and again', async () => {
  const dev = startDev();
  await dev.restarted();
  for (const text of ['one', 'two', 'three']) {
    dev.replace('workers/greet.ts', answering(text));
    const { url } = await dev.restarted();
    expect(await (await fetch(`${url}/greet`)).json()).toEqual({ text });
  }
}, 120_000);
