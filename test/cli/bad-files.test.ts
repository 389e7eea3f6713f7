// Task files that do something to the process that imports them: the check and the start say the same of each.
import { symlinkSync, unlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { launch } from '../support/cluster.js';
import { millrace } from '../support/command.js';
import { answering, taskFolder } from '../support/task-folder.js';

const never = 'its top-level await waits for what never comes';
const left = 'leaves an error behind when it is imported: left behind';
const ended = (how: string) => `its process ended ${how} while the file was being imported`;
const late = 'could not be imported within 8000 ms (BOOT_TIMEOUT_MS)';

describe('a task file is named by check and by the start, with exit code 78, where', () => {
  it.each([
    ['a top-level await never settles', 'await new Promise(() => {});', never],
    ['one goes on for ever', 'await new Promise(() => setInterval(() => {}, 1_000));', late],
    ['a loop goes on for ever', 'for (;;);', late],
    ['it ends the process as if all were well', 'process.exit(0);', ended('with code 0')],
    ['it ends the process with a code', 'process.exit(3);', ended('with code 3')],
    ['it ends the process in another turn', 'setImmediate(() => process.exit(0));', ended('with code 0')],
    ['it aborts', 'process.abort();', ended('by SIGABRT')],
    ['a promise was rejected', 'Promise.reject(new Error("left behind"));', left],
    ['a promise was rejected without an error', 'Promise.reject("left behind");', 'left behind'],
    [
      'it throws in a thread alone',
      'import { isMainThread } from "node:worker_threads"; if (!isMainThread) throw new Error("no such native file");',
      'cannot be imported in a thread: no such native file',
    ],
    [
      'it ends a thread alone',
      'import { isMainThread } from "node:worker_threads"; if (!isMainThread) process.exit(3);',
      'cannot be imported in a thread: the file ends the thread with code 3',
    ],
    ['a timer throws', 'setTimeout(() => { throw new Error("left behind"); }, 0);', left],
  ])('%s', async (_, source, reason) => {
    using tasks = taskFolder();
    tasks.write('bad', `${source}\n${answering('bad')}`);
    tasks.write('good', answering('good'));
    const env = { TASKS_DIR: tasks.path, BOOT_TIMEOUT_MS: reason === late ? '8000' : '200000', WORKERS: '1' };
    const checked = await millrace(['check'], { env });
    expect(checked).toMatchObject({ code: 78, stdout: '' });
    // An abort has a word of Node's own before it.
    const line = /^millrace: .*\n$/m.exec(checked.stderr)?.[0];
    expect(line).toContain(`${tasks.path}/bad.js: `);
    expect(line).toContain(reason);
    // Stacks name the sources.
    expect(checked.stderr).not.toMatch(/dist\/src\/[\w/-]+\.js:\d/);
    await using cluster = launch({ env });
    expect(await cluster.exited).toBe(78);
    expect(/^millrace: .*\n$/m.exec(cluster.stderr())?.[0]).toBe(line);
    expect(cluster.lines.filter(({ msg }) => msg === 'server process forked')).toHaveLength(1);
  });
});

describe('so is one that does so between its import and the first thread that is ready', () => {
  const later = (act: string) => `setTimeout(() => { ${act} }, 60);`;
  // On a busy machine 60 ms may be over while other files are being imported.
  it.each([
    [
      'a timer throws',
      later('throw new Error("left behind");'),
      /leaves an error behind( when it is imported)?: left behind$/m,
    ],
    [
      'a promise is rejected',
      later('Promise.reject(new Error("left behind"));'),
      /leaves an error behind( when it is imported)?: left behind$/m,
    ],
    [
      'it ends the process',
      later('process.exit(0);'),
      /(ends its process: it calls process\.exit\(0\)|its process ended with code 0 .*)$/m,
    ],
  ])('%s', async (_, source, reason) => {
    using tasks = taskFolder();
    tasks.write('bad', `${source}\n${answering('bad')}`);
    const env = { TASKS_DIR: tasks.path, WORKERS: '1' };
    const checked = await millrace(['check'], { env });
    expect(checked).toMatchObject({ code: 78, stdout: '' });
    await using cluster = launch({ env });
    expect(await cluster.exited).toBe(78);
    for (const stderr of [checked.stderr, cluster.stderr()]) {
      expect(stderr).toContain(`millrace: ${tasks.path}/bad.js: `);
      expect(stderr).toMatch(reason);
    }
  });

  it('a timer of a module that it imports throws', async () => {
    using tasks = taskFolder();
    tasks.write(
      '_other',
      'export const later = () => setTimeout(() => { throw new Error("left behind"); }, 60);',
    );
    tasks.write('bad', `import { later } from './_other.js';\nlater();\n${answering('bad')}`);
    const checked = await millrace(['check'], { env: { TASKS_DIR: tasks.path, WORKERS: '1' } });
    expect(checked).toMatchObject({ code: 78, stdout: '' });
    expect(checked.stderr).toMatch(/leaves an error behind( when it is imported)?: left behind$/m);
    expect(checked.stderr).toContain('_other.js:1');
  });
});

it('what is thrown in a thread alone is told with its stack, by check and in the log', async () => {
  using tasks = taskFolder();
  tasks.write(
    'bad',
    `import { isMainThread } from 'node:worker_threads';\n\nif (!isMainThread) throw new Error('no model');\n${answering('bad')}`,
  );
  const env = { TASKS_DIR: tasks.path, WORKERS: '1' };
  const checked = await millrace(['check'], { env });
  expect(checked.stderr).toContain('bad.js:3:26');
  await using cluster = launch({ env });
  expect(await cluster.exited).toBe(78);
  const line = cluster.lines.find(({ msg }) => String(msg).startsWith(`${tasks.path}/bad.js: cannot be`));
  expect(line).toMatchObject({ level: 50, err: { stack: expect.stringContaining('bad.js:3:26') } });
});

it('what is thrown in a thread alone and is no error is told without a stack', async () => {
  using tasks = taskFolder();
  tasks.write(
    'bad',
    `import { isMainThread } from 'node:worker_threads';\n\nif (!isMainThread) throw 'no model';\n${answering('bad')}`,
  );
  const { stderr } = await millrace(['check'], { env: { TASKS_DIR: tasks.path, WORKERS: '1' } });
  expect(stderr).toBe(`millrace: ${tasks.path}/bad.js: cannot be imported in a thread: no model\n`);
});

it('a task file that a link leads to is named as well, while another one is being imported', async () => {
  using tasks = taskFolder();
  tasks.write('bad', `setTimeout(() => { throw new Error("left behind"); }, 100);\n${answering('bad')}`);
  tasks.write('good', `await new Promise((resolve) => setTimeout(resolve, 1_000));\n${answering('good')}`);
  const link = `${tasks.path}-link`;
  symlinkSync(tasks.path, link);
  try {
    const { code, stderr } = await millrace(['check'], { env: { TASKS_DIR: link } });
    expect(stderr).toContain(`${link}/bad.js: ${left}`);
    expect(code).toBe(78);
  } finally {
    unlinkSync(link);
  }
});
