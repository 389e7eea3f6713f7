// The folders of examples/, as a stranger runs them: installed from the packed tarball, tested and started by npm.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, type TestContext } from 'vitest';
import { watch } from '../support/cluster.js';
import { freeNeighbours } from '../support/free-port.js';
import { install, isAway, pack, plainEnv, type Ran, root, run } from '../support/packed.js';
import { startTraffic } from '../support/traffic.js';

let folder: string;
let installed: Ran;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-examples-'));
  const { filename } = await pack(folder);
  await cp(join(root, 'examples'), folder, {
    recursive: true,
    filter: (path) => !/\/(node_modules|dist|data)$/.test(path),
  });
  const names = (await readdir(folder, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  for (const name of names) {
    const file = join(folder, name, 'package.json');
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('"file:../.."', JSON.stringify(`file:../${filename}`)));
  }
  // One install for all.
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, workspaces: names }));
  installed = await install(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function needsRegistry(context: TestContext): void {
  if (isAway(installed)) context.skip('npm reaches no registry');
  expect(installed.code, installed.stderr).toBe(0);
}

it('the team’s app passes its own test', async (context) => {
  needsRegistry(context);
  const ran = await run(join(folder, 'team-app'), 'npm', 'test');
  expect(ran.code, ran.stdout + ran.stderr).toBe(0);
  expect(ran.stdout).toContain('pass 7');
});

it('the team’s app is served, and reloaded under load without a loss', async (context) => {
  needsRegistry(context);
  const project = join(folder, 'team-app');
  const env = {
    ...plainEnv(),
    PORT: '0',
    ADMIN_PORT: '0',
    WORKERS: '2',
    QUEUE_MAX_WAIT_MS: '120000',
  };
  await using server = watch(
    spawn('npm', ['start'], { cwd: project, env, stdio: ['ignore', 'pipe', 'pipe'] }),
  );
  const { url, port, adminUrl } = await server.waitForLine(({ msg }) => msg === 'listening');
  const ada = JSON.stringify({ name: 'ada', password: 'correct horse' });
  const json = { 'content-type': 'application/json' };
  const signedUp = await fetch(`${url}/users`, { method: 'POST', body: ada, headers: json });
  expect(signedUp.status).toBe(201);
  const cookie = signedUp.headers
    .getSetCookie()
    .map((one) => one.split(';')[0])
    .join('; ');
  const sales = Array.from({ length: 500 }, (_, i) => ({ day: `2026-01-${10 + (i % 20)}`, amount: i }));
  const traffic = startTraffic(Number(port), 12, [
    { method: 'GET', path: '/' },
    { method: 'GET', path: '/me', headers: { cookie } },
    { method: 'POST', path: '/report', body: JSON.stringify({ sales }), headers: { cookie } },
    { method: 'POST', path: '/session', body: ada },
  ]);
  const before = traffic.answered();
  while (traffic.answered() < before + 50) await sleep(20);
  for (let i = 0; i < 2; i++) {
    const reloaded = await run(
      project,
      'npx',
      'millrace',
      'reload',
      '--wait',
      '--admin-url',
      String(adminUrl),
    );
    expect(reloaded, reloaded.stderr).toMatchObject({ code: 0 });
  }
  const { requests, losses } = await traffic.stop();
  expect(losses).toEqual({});
  expect(requests).toBeGreaterThan(200);
  expect(await server.stop()).toBe(0);
});

it.for([
  ['node-http', 0],
  ['fastify', 0],
  // Nest closes, then ends by the signal that it was sent.
  ['nest', 'SIGTERM'],
] as const)('the lane serves as a library in %s, and is closed with it', async ([name, end], context) => {
  needsRegistry(context);
  const env = { ...plainEnv(), PORT: '0' };
  const server = spawn('npm', ['start', '--silent'], {
    cwd: join(folder, name),
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(server, 'exit');
  let asked = false;
  for await (const line of createInterface(server.stdout)) {
    const url = /^http:\S+$/.exec(line)?.[0];
    if (url === undefined) continue;
    asked = true;
    const counted = await fetch(`${url}/wordcount?text=to+be`);
    expect([counted.status, await counted.json()]).toEqual([200, { words: 2 }]);
    const refused = await fetch(`${url}/wordcount?text=${'x'.repeat(10_001)}`);
    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('INVALID_INPUT')]);
    server.kill('SIGTERM');
  }
  expect(asked).toBe(true);
  const [code, signal] = await ended;
  expect(code ?? signal).toBe(end);
});

const adopting = await readFile(join(root, 'docs/adopting.md'), 'utf8');

it('docs/adopting.md shows the team’s app as it is', async () => {
  const blocks = [...adopting.matchAll(/^```js\n\/\/ (\S+)\n([\s\S]*?)^```$/gm)];
  expect(blocks.length).toBeGreaterThan(6);
  for (const [, path = '', code = ''] of blocks)
    expect(await readFile(join(root, 'examples/team-app', path), 'utf8')).toContain(code);
  // No block is left out.
  expect(adopting.match(/^```(?!$)/gm)?.length).toBe(blocks.length + commands.length);
});

const commands = [...adopting.matchAll(/^```sh\n(.*)\n```$/gm)].map(([, command = '']) => command);

/**
 * A command of the page, with free ports.
 * @param inspectPort for the primary's debugger; the server process takes the next one
 */
function start(command: string, inspectPort = 0): ReturnType<typeof watch> {
  const env = { ...plainEnv(), PORT: '0', ADMIN_PORT: 'off' };
  const cwd = join(folder, 'team-app');
  const plain = command.replaceAll('node_modules/.bin', '../node_modules/.bin');
  const line = `exec env ${plain.replace('--inspect ', `--inspect=${inspectPort} `)}`;
  return watch(spawn('sh', ['-c', line], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] }));
}

async function signUp(url: unknown, name: string): Promise<number> {
  const body = JSON.stringify({ name, password: 'correct horse' });
  const headers = { 'content-type': 'application/json' };
  return (await fetch(`${url}/users`, { method: 'POST', body, headers })).status;
}

it('docs/adopting.md’s command for a debugger opens one in the server process', async (context) => {
  needsRegistry(context);
  const command = commands.find((one) => one.includes('--inspect')) ?? '';
  await using server = start(command, await freeNeighbours());
  const { url } = await server.waitForLine(({ msg }) => msg === 'listening');
  expect(await signUp(url, 'bob')).toBe(201);
  const debuggers = () => [...server.stderr().matchAll(/Debugger listening on ws:/g)].length;
  await expect.poll(debuggers).toBeGreaterThanOrEqual(2);
  expect(await server.stop()).toBe(0);
});

it('docs/adopting.md’s command for profiles leaves one of each process and thread', async (context) => {
  needsRegistry(context);
  const command = commands.find((one) => one.includes('--cpu-prof')) ?? '';
  const into = join(folder, 'team-app/profiles');
  let threads: (string | undefined)[] = [];
  // A stop leaves threads a fraction of a second to write theirs: on a busy machine, another time.
  while (threads.length < 3) {
    await rm(into, { recursive: true, force: true });
    await using server = start(command);
    const { url } = await server.waitForLine(({ msg }) => msg === 'listening');
    expect(await signUp(url, `eve${Date.now()}`)).toBe(201);
    expect(await server.stop()).toBe(0);
    // CPU.<date>.<time>.<pid>.<thread>.<number>.cpuprofile
    threads = (await readdir(into)).map((name) => name.split('.')[4]);
  }
  expect(threads.some((thread) => Number(thread) > 0)).toBe(true);
});
