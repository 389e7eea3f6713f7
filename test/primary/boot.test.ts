import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { launch, startCluster } from '../support/cluster.js';
import { copyOfBuild } from '../support/copy-of-build.js';
import { answering, taskFolder } from '../support/task-folder.js';

describe('a boot', () => {
  it('logs the primary, each fork and each ready process, and last what runs where', async () => {
    await using cluster = await startCluster({ env: { POOL_MAX_THREADS: '1' } });
    const messages = cluster.lines.map(({ msg }) => msg);
    expect(messages[0]).toBe('primary started');
    expect(messages.filter((msg) => msg === 'server process forked')).toHaveLength(2);
    expect(messages.filter((msg) => msg === 'server process ready')).toHaveLength(2);
    expect(cluster.lines.find(({ msg }) => msg === 'listening')).toMatchObject({
      url: `http://127.0.0.1:${cluster.port}`,
      port: cluster.port,
      pid: cluster.pid,
      serverProcesses: 2,
      threadsPerProcess: 1,
    });
    const answers = await Promise.all(
      Array.from({ length: 8 }, () =>
        fetch(cluster.url, { headers: { connection: 'close' } }).then((answer) => answer.text()),
      ),
    );
    const pids = answers.map((text) => Number(/^hello from server (\d+)$/.exec(text)?.[1]));
    expect([...new Set(pids)].sort()).toEqual(cluster.serverPids().sort());
  });

  it('starts all server processes together', async () => {
    await using cluster = await startCluster({ env: { WORKERS: '3' } });
    const told = cluster.lines
      .map(({ msg }) => msg)
      .filter((msg) => String(msg).startsWith('server process'));
    expect(told.slice(0, 3)).toEqual(Array(3).fill('server process forked'));
    expect(told.filter((msg) => msg === 'server process ready')).toHaveLength(3);
  });

  it('takes flags', async () => {
    await using cluster = await startCluster({ args: ['--workers', '1', '--threads=3'] });
    expect(cluster.lines.at(-1)).toMatchObject({ serverProcesses: 1, threadsPerProcess: 3 });
  });

  it('may be stopped before anything of it is loaded, and survives a reload then', async () => {
    using copy = copyOfBuild();
    copy.edit(
      'src/cli/serve.js',
      (text) => `process.kill(process.pid, 'SIGHUP');
        setTimeout(() => process.kill(process.pid, 'SIGTERM'), 50);
        await new Promise((resolve) => setTimeout(resolve, 60_000));
        ${text}`,
    );
    await using early = launch({ entry: copy.entry });
    expect(await early.exited).toBe(0);
    expect(early.lines).toEqual([]);
  });

  it('may be stopped while it goes on', async () => {
    await using cluster = launch();
    await cluster.waitForLine(({ msg }) => msg === 'server process forked');
    expect(await cluster.stop()).toBe(0);
    expect(cluster.serverPids()).toEqual([]);
  });
});

describe('what cannot be served is one line and exit code 78, without a crash loop:', () => {
  async function refused(options: Parameters<typeof launch>[0]): Promise<{ line: string; tries: number }> {
    await using cluster = launch(options);
    expect(await cluster.exited).toBe(78);
    expect(cluster.stderr()).toMatch(/^millrace: .*\n$/);
    // The first server process goes ahead; the others wait for it.
    const tries = cluster.lines.filter(({ msg, server }) => msg === 'server process forked' && server === 1);
    return { line: cluster.stderr().trim(), tries: tries.length };
  }

  it.each([
    [{ env: { PORT: 'x' } }, 'millrace: PORT must be a whole number from 0 to 65535, not "x"'],
    [
      { args: ['--port', '70000'] },
      'millrace: PORT (--port) must be a whole number from 0 to 65535, not "70000"',
    ],
    [{ args: ['--prot', '1'] }, 'millrace: unknown flag "--prot"; see millrace --help'],
    [{ args: ['--port'] }, 'millrace: --port needs a value'],
    [{ args: ['serv'] }, 'millrace: unknown command "serv"'],
    [
      { env: { HOST: '192.0.2.1' } },
      'millrace: HOST must be an address of this machine, not "192.0.2.1" (EADDRNOTAVAIL)',
    ],
    [
      { env: { HOST: 'no such host' } },
      /^millrace: HOST must be an address of this machine, not "no such host"/,
    ],
  ])('%j', async (options, line) => {
    const told = await refused(options);
    expect(told.line).toMatch(line);
    expect(told.tries).toBe(0);
  });

  it.each(['PORT', 'ADMIN_PORT'])('%s in use', async (variable) => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    try {
      const address = other.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const told = await refused({ env: { [variable]: `${port}` } });
      expect(told).toEqual({
        line: `millrace: ${variable} must be free, but 127.0.0.1:${port} is in use (EADDRINUSE)`,
        tries: 0,
      });
    } finally {
      other.close();
    }
  });

  it.each(['throw new Error("not today");', 'throw { __proto__: null };'])(
    'a task file: %s',
    async (text) => {
      using tasks = taskFolder();
      tasks.write('broken', text);
      const told = await refused({ env: { TASKS_DIR: tasks.path } });
      expect(told.line).toContain('broken.js');
      expect(told.tries).toBe(1);
    },
  );

  it('is imported by one server process, however many there are', async () => {
    using tasks = taskFolder();
    const imports = join(tasks.path, '_imports');
    tasks.write(
      'broken',
      `import { appendFileSync } from 'node:fs';
      appendFileSync(${JSON.stringify(imports)}, 'once\\n');
      throw new Error('not today');`,
    );
    await refused({ env: { TASKS_DIR: tasks.path, WORKERS: '3' } });
    expect(readFileSync(imports, 'utf8')).toBe('once\n');
  });
});

describe('a boot crash loop', () => {
  it('gives up after five deaths, one slot at a time: exit code 70 with the reason', async () => {
    using tasks = taskFolder();
    // As whoever is short of memory may be ended from outside: the next attempt may do better.
    tasks.write('killed', "process.kill(process.pid, 'SIGKILL');");
    await using cluster = launch({
      env: { TASKS_DIR: tasks.path, WORKERS: '2' },
      timings: { respawnFirstMs: 10 },
    });
    expect(await cluster.exited).toBe(70);
    expect(cluster.stderr()).toBe(
      `millrace: gave up: 5 server processes died before one was ready; last: ${tasks.path}/killed.js: its process ended by SIGKILL while the file was being imported\n`,
    );
    const forks = cluster.lines.filter(({ msg }) => msg === 'server process forked');
    // The second one waits all the while with nothing of the tasks loaded.
    expect(forks.map(({ server }) => server)).toEqual([1, 2, 1, 1, 1, 1]);
  });

  it('gives up as well where server processes die before they can say anything', async () => {
    using copy = copyOfBuild();
    copy.edit('src/server/process.js', (text) => `process.exit(3);\n${text}`);
    await using cluster = launch({
      entry: copy.entry,
      env: { WORKERS: '2' },
      timings: { respawnFirstMs: 10 },
    });
    expect(await cluster.exited).toBe(70);
    expect(cluster.stderr()).toContain('gave up: 5 server processes died before one was ready; last: ');
  });

  it('is that of the first process alone: one that starts behind it may lack what only one can have', async () => {
    using tasks = taskFolder();
    const taken = join(tasks.path, '_taken');
    tasks.write(
      'alone',
      `import { mkdirSync } from 'node:fs';
      import { isMainThread } from 'node:worker_threads';
      import { z } from 'zod';
      if (isMainThread) mkdirSync(${JSON.stringify(taken)});
      export default { input: z.strictObject({}), run: () => ({}) };`,
    );
    await using cluster = launch({
      env: { TASKS_DIR: tasks.path, WORKERS: '3' },
      timings: { respawnFirstMs: 10 },
    });
    await cluster.waitForLine(({ msg }) => msg === 'server process ready');
    expect(await cluster.stop()).toBe(0);
  });

  it('after the server was once ready goes on, slower and slower, and serves with what is left', async () => {
    using tasks = taskFolder();
    tasks.write('mine', answering('old'));
    await using cluster = await startCluster({ env: { TASKS_DIR: tasks.path } });
    tasks.write('mine', 'process.exit(4);');
    const [first] = cluster.serverPids();
    process.kill(Number(first), 'SIGKILL');
    const waits = ['first', 'second', 'third'].map((_, i) =>
      cluster.waitForLine(
        ({ msg, deaths }) => msg === 'backing off before the next fork' && deaths === i + 2,
      ),
    );
    const [one, two, three] = (await Promise.all(waits)).map(({ waitMs }) => Number(waitMs));
    expect(one).toBeGreaterThanOrEqual(160);
    expect(two).toBeGreaterThanOrEqual(320);
    expect(three).toBeGreaterThanOrEqual(640);
    expect(await (await fetch(`${cluster.url}/mine`)).json()).toEqual({ answer: 'old' });
    expect((await fetch(`${cluster.url}/readyz`)).status).toBe(200);
    tasks.write('mine', answering('new'));
    const healed = await cluster.waitForLine(
      ({ msg, server }) =>
        msg === 'server process ready' &&
        cluster.lines.filter((line) => line.msg === msg).length === 3 &&
        server === 1,
    );
    expect(healed).toBeDefined();
    expect(await cluster.stop()).toBe(0);
  });
});
