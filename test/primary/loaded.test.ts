// A server process that has loaded everything, and whose first thread is not up yet.
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { freePort } from '../../bench/free-port.js';
import { type Env, launch } from '../support/cluster.js';
import { taskFolder, waitsFor } from '../support/task-folder.js';
import { serversOf, underway } from '../support/underway.js';

const packageUrl = new URL('../../dist/src/index.js', import.meta.url).href;

/** Threads load the task `slow` once the gate is open; then they do what `then` says. @param then of the tasks' folder */
function gatedTask(then: (path: string) => string = () => '') {
  const tasks = taskFolder();
  const gate = join(tasks.path, '_gate');
  tasks.write(
    'slow',
    `import { isMainThread } from 'node:worker_threads';
    import { z } from 'zod';
    if (!isMainThread) {
      ${waitsFor(gate)}
      ${then(tasks.path)}
    }
    export default { input: z.strictObject({}), run: () => ({ done: true }) };`,
  );
  const socket = join(tasks.path, 's');
  const env: Env = {
    HOST: `unix:${socket}`,
    TASKS_DIR: tasks.path,
    WORKERS: '1',
    POOL_MAX_THREADS: '1',
    // A busy machine takes its time for what waits here.
    QUEUE_MAX_WAIT_MS: '60000',
    HEADERS_TIMEOUT_MS: '60000',
    REQUEST_TIMEOUT_MS: '60000',
  };
  return {
    env,
    path: tasks.path,
    /** On a connection of its own. */
    get: (path: string) => ask({ socketPath: socket, path }),
    callSlow: () => ask({ socketPath: socket, path: '/slow', method: 'POST' }, '{}'),
    open: () => writeFileSync(gate, ''),
    [Symbol.dispose]: () => tasks[Symbol.dispose](),
  };
}

interface Answer {
  readonly status: number | undefined;
  readonly text: string;
}

async function ask(where: object, body?: string): Promise<Answer> {
  const req = request({ ...where, agent: false, headers: { 'content-type': 'application/json' } });
  req.end(body);
  const [res] = await once(req, 'response');
  let text = '';
  for await (const chunk of res.setEncoding('utf8')) text += chunk;
  return { status: res.statusCode, text };
}

const pidOf = ({ text }: Answer): number => Number(/^hello from server (\d+)$/.exec(text)?.[1]);

it('serves light routes and takes calls, which wait for the thread; it is ready only then', async () => {
  using task = gatedTask();
  const adminPort = String(await freePort());
  await using cluster = launch({ env: { ...task.env, ADMIN_PORT: adminPort } });
  await cluster.waitForLine(({ msg }) => msg === 'server process forked');
  expect([pidOf(await task.get('/'))]).toEqual(cluster.serverPids());
  expect((await task.get('/livez')).status).toBe(200);
  expect((await task.get('/readyz')).status).toBe(503);
  const call = task.callSlow();
  const adminUrl = `http://127.0.0.1:${adminPort}`;
  await underway(adminUrl, 1);
  expect(await serversOf(adminUrl)).toMatchObject([{ state: 'starting', queue: { waiting: 1 } }]);
  const told = cluster.lines.map(({ msg }) => msg);
  expect(told).not.toContain('server process ready');
  expect(told).not.toContain('listening');
  task.open();
  expect(await call).toEqual({ status: 200, text: '{"done":true}' });
  await cluster.waitForLine(({ msg }) => msg === 'listening');
  expect((await task.get('/readyz')).status).toBe(200);
  expect(await cluster.stop()).toBe(0);
});

it('whose threads cannot load a task ends the boot with 78, and its calls are refused with 503', async () => {
  using task = gatedTask(() => "throw new Error('not in threads');");
  await using cluster = launch({ env: task.env });
  await cluster.waitForLine(({ msg }) => msg === 'server process forked');
  await task.get('/');
  const call = task.callSlow();
  await task.get('/');
  task.open();
  expect((await call).status).toBe(503);
  expect(await cluster.exited).toBe(78);
  expect(cluster.stderr()).toContain('slow.js');
  expect(cluster.stderr()).toContain('not in threads');
});

it('answers what it has taken when the server is stopped', async () => {
  using task = gatedTask();
  await using cluster = launch({ env: task.env });
  await cluster.waitForLine(({ msg }) => msg === 'server process forked');
  await task.get('/');
  const call = task.callSlow();
  await task.get('/');
  cluster.signal('SIGTERM');
  await cluster.waitForLine(({ msg }) => msg === 'draining');
  task.open();
  expect(await call).toEqual({ status: 200, text: '{"done":true}' });
  expect(await cluster.exited).toBe(0);
});

it('that dies is replaced, and the next one serves', async () => {
  using task = gatedTask();
  await using cluster = launch({ env: task.env, timings: { respawnFirstMs: 10 } });
  await cluster.waitForLine(({ msg }) => msg === 'server process forked');
  const first = pidOf(await task.get('/'));
  process.kill(first, 'SIGKILL');
  await cluster.waitForLine(({ msg }) => String(msg).startsWith('server process exited by SIGKILL'));
  const next = pidOf(await task.get('/'));
  expect(next).not.toBe(first);
  task.open();
  expect(await cluster.waitForLine(({ msg }) => msg === 'server process ready')).toMatchObject({
    serverPid: next,
  });
  expect(await cluster.stop()).toBe(0);
});

it("meets a fault of the app's: it serves on, and is replaced once it is ready", async () => {
  using task = gatedTask();
  const app = join(task.path, '_app.mjs');
  writeFileSync(
    app,
    `import { defineApp } from ${JSON.stringify(packageUrl)};
    export default defineApp(({ app }) => {
      app.get('/fault', (req, res) => {
        res.end();
        setImmediate(() => { throw new Error('stray'); });
      });
      app.get('/', (req, res) => res.end('hello from server ' + process.pid));
    });`,
  );
  await using cluster = launch({ env: task.env, args: [app] });
  await cluster.waitForLine(({ msg }) => msg === 'server process forked');
  await task.get('/fault');
  await cluster.waitForLine(({ msg }) => String(msg).startsWith('uncaught exception'));
  const first = pidOf(await task.get('/'));
  task.open();
  await cluster.waitForLine(({ msg, serverPid }) => msg === 'server process ready' && serverPid !== first);
  expect(cluster.lines).toContainEqual(
    expect.objectContaining({ msg: 'server process ready', serverPid: first }),
  );
  expect(await cluster.stop()).toBe(0);
});

it('serves as well where server processes listen by themselves', async () => {
  using task = gatedTask();
  const port = await freePort();
  const env = { ...task.env, HOST: '127.0.0.1', PORT: `${port}`, NODE_CLUSTER_SCHED_POLICY: 'none' };
  await using cluster = launch({ env });
  await cluster.waitForLine(({ msg }) => msg === 'server process forked');
  const answer = await untilAnswered({ host: '127.0.0.1', port, path: '/' });
  expect([pidOf(answer)]).toEqual(cluster.serverPids());
  const call = ask({ host: '127.0.0.1', port, path: '/slow', method: 'POST' }, '{}');
  expect(cluster.lines.map(({ msg }) => msg)).not.toContain('server process ready');
  task.open();
  expect((await call).status).toBe(200);
  await cluster.waitForLine(({ msg }) => msg === 'listening');
  expect(await cluster.stop()).toBe(0);
});

/** Of the process whose thread comes first; those of others wait for another gate. */
const oneProcess = (path: string): string => `
  const fs = await import('node:fs');
  const first = ${JSON.stringify(join(path, '_first'))};
  try { fs.writeFileSync(first, String(process.pid), { flag: 'wx' }); } catch {}
  while (fs.readFileSync(first, 'utf8') !== String(process.pid) && !fs.existsSync(${JSON.stringify(join(path, '_others'))}))
    await (await import('node:timers/promises')).setTimeout(10);`;

it('is passed over where another one is ready for long, and taken again where that one is lost', async () => {
  using task = gatedTask(oneProcess);
  await using cluster = launch({
    env: { ...task.env, WORKERS: '2' },
    timings: { lateMs: 100, respawnFirstMs: 60_000, respawnMaxMs: 60_000 },
  });
  await cluster.waitForLine(({ msg }) => msg === 'server process forked');
  const seen = new Set<number>();
  while (seen.size < 2) seen.add(pidOf(await task.get('/')));
  task.open();
  const { serverPid: ready } = await cluster.waitForLine(({ msg }) => msg === 'server process ready');
  await expect
    .poll(async () => {
      const ten = await Promise.all(Array.from({ length: 10 }, () => task.get('/')));
      return new Set(ten.map(pidOf));
    })
    .toEqual(new Set([ready]));
  for (let turn = 0; turn < 10; turn++) expect((await task.callSlow()).status).toBe(200);
  process.kill(Number(ready), 'SIGKILL');
  await cluster.waitForLine(({ msg }) => String(msg).startsWith('server process exited by SIGKILL'));
  expect(seen).toContain(pidOf(await task.get('/')));
  const call = task.callSlow();
  writeFileSync(join(task.path, '_others'), '');
  expect((await call).status).toBe(200);
  expect(await cluster.stop()).toBe(0);
});

it('does not keep calls for a thread that never comes', async () => {
  using task = gatedTask();
  await using cluster = launch({ env: { ...task.env, QUEUE_MAX_WAIT_MS: '5000' } });
  await cluster.waitForLine(({ msg }) => msg === 'server process forked');
  const { status, text } = await task.callSlow();
  expect(status).toBe(503);
  expect(JSON.parse(text)).toMatchObject({ code: 'OVERLOADED' });
});

/** Nobody listens at first. */
async function untilAnswered(where: object): Promise<Answer> {
  for (;;) {
    try {
      return await ask(where);
    } catch {
      await delay(10);
    }
  }
}
