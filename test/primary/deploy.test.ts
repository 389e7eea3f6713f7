// Deploys as capistrano and its kin do them: a folder for each release, a link `current` that is turned, a reload.
import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { type Cluster, type LogLine, patient, watch } from '../support/cluster.js';
import { millrace } from '../support/command.js';
import { releases } from '../support/releases.js';

/** Started by a shell, which knows how its folder was written. */
async function start(folder: string, command: string, env: Record<string, string> = {}): Promise<Cluster> {
  const child = spawn('sh', ['-c', `cd "${folder}" && exec ${command}`], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      PORT: '0',
      ADMIN_PORT: '0',
      WORKERS: '1',
      ...patient,
      TASKS_DIR: 'tasks',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const launched = watch(child);
  const { url, port, adminUrl } = await launched.waitForLine(({ msg }) => msg === 'listening');
  return { ...launched, url: String(url), port: Number(port), adminUrl: String(adminUrl) };
}

async function served(cluster: Cluster): Promise<unknown> {
  const answer = await fetch(`${cluster.url}/release`, { headers: { connection: 'close' } });
  return z.object({ release: z.string() }).parse(await answer.json()).release;
}

async function reloaded(cluster: Cluster): Promise<string> {
  const { code, stdout, stderr } = await millrace(['reload', '--wait', '--admin-url', cluster.adminUrl]);
  return code === 0 ? stdout : `${code}: ${stderr}`;
}

const node = process.execPath;

it.each([
  ['node in the link', (_: string) => `${node} dist/src/main.js`],
  ['npm start in the link', (_: string) => 'npm start'],
  [
    'an absolute path through the link, the folder known by its target alone',
    (current: string) => `env -u PWD ${node} ${current}/dist/src/main.js`,
  ],
])(
  '%s: a reload serves the release that the link leads to by then, and so does every process after it',
  async (_, command) => {
    using all = releases();
    all.add('1');
    all.add('2');
    all.use('1');
    await using cluster = await start(all.current, command(all.current));
    expect(await served(cluster)).toBe('1');
    all.use('2');
    expect(await reloaded(cluster)).toBe(`reload completed: ${all.folder('2')}, version 2.0.0\n`);
    expect(await served(cluster)).toBe('2');
    expect(cluster.lines.find(({ msg }) => msg === 'reload completed')).toMatchObject({
      folder: all.folder('2'),
      version: '2.0.0',
    });
    expect(await (await fetch(`${cluster.adminUrl}/status`)).json()).toMatchObject({
      servers: expect.arrayContaining([
        expect.objectContaining({ release: { folder: all.folder('2'), version: '2.0.0' } }),
      ]),
    });
    // The folder in which the primary itself was started is gone.
    all.remove('1');
    const [only] = cluster.serverPids();
    process.kill(Number(only), 'SIGKILL');
    const gone = ({ msg, serverPid }: LogLine) =>
      serverPid === only && String(msg).startsWith('server process exited');
    const exit = cluster.lines.indexOf(await cluster.waitForLine(gone));
    await cluster.waitForLine(
      (line) => line.msg === 'server process ready' && cluster.lines.indexOf(line) > exit,
    );
    expect(await served(cluster)).toBe('2');
    expect(await reloaded(cluster)).toMatch(/^reload completed/);
    expect(await cluster.stop()).toBe(0);
  },
);

it('of an app, a reload tells the release of the package that the app belongs to', async () => {
  using all = releases();
  all.add('1');
  all.add('2');
  all.use('1');
  await using cluster = await start(all.current, `${node} dist/src/main.js app/app.mjs`);
  all.use('2');
  expect(await reloaded(cluster)).toBe(`reload completed: ${all.folder('2')}/app, version 2.1.0\n`);
  expect(await served(cluster)).toBe('2');
});

it('a release that was started by its own path stays the one that is served', async () => {
  using all = releases();
  all.add('1');
  all.add('2');
  all.use('1');
  await using cluster = await start(all.folder('1'), `${node} dist/src/main.js`);
  all.use('2');
  expect(await reloaded(cluster)).toContain(all.folder('1'));
  expect(await served(cluster)).toBe('1');
  expect(await cluster.stop()).toBe(0);
});

it('a link that leads nowhere aborts a reload with one line, and what is served serves on', async () => {
  using all = releases();
  all.add('1');
  all.use('1');
  await using cluster = await start(all.current, `${node} dist/src/main.js`);
  all.use('missing');
  expect(await reloaded(cluster)).toBe('1: millrace: reload aborted: a server process could not be forked\n');
  expect(await served(cluster)).toBe('1');
  all.use('1');
  expect(await reloaded(cluster)).toMatch(/^reload completed/);
});
