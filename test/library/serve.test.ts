import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { serve } from '#src/library/serve.js';

const app = new URL('../fixtures/apps/shop/app.js', import.meta.url);
const quiet = {
  port: 0,
  adminPort: 0,
  workers: 1,
  logLevel: 'silent',
  bootTimeoutMs: 200_000,
  poolNice: 0,
} as const;

it('serves an app from a program, reloads and closes it', async () => {
  const served = await serve({ app, ...quiet });
  expect(await (await fetch(`${served.url}/users/7`)).json()).toEqual({ id: '7', query: {} });
  expect((await fetch(`${served.adminUrl}/status`)).status).toBe(200);
  const before = await serverPid(served.adminUrl);
  await served.reload();
  expect(await serverPid(served.adminUrl)).not.toBe(before);
  expect(await served.close()).toBe(0);
  expect(await served.exited).toBe(0);
  await expect(served.reload()).rejects.toThrow('the server has ended');
});

it('takes no setting from the environment of its program', async () => {
  const script = `
    import { serve } from 'millrace';
    const served = await serve({ tasks: ${JSON.stringify(new URL('./tasks', app).href)}.replace('file://', ''), ...${JSON.stringify(quiet)} });
    const { status } = await fetch(served.url + '/');
    console.log(status, await served.close());`;
  const env = { ...process.env, BUILT_INS: 'off', WORKERS: 'none of your business' };
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    env,
  });
  expect(stdout.trim()).toBe('200 0');
});

it.each([
  [{ app: '/nowhere/app.js' }, '/nowhere/app.js: cannot be found'],
  [{ bodyLimitBytes: -1 }, 'BODY_LIMIT_BYTES must be'],
  [{ port: 0, ports: 1 }, 'there is no setting "ports"'],
])('with %j it says why it cannot serve', async (options, reason) => {
  await expect(serve({ ...quiet, ...options })).rejects.toThrow(reason);
});

it('ends with the program that started it', async () => {
  const script = `
    import { serve } from 'millrace';
    const { pid } = await serve(${JSON.stringify(quiet)});
    console.log(pid);`;
  const program = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(createInterface(program.stdout), 'line');
  const pid = Number(line);
  expect(isAlive(pid)).toBe(true);
  program.kill('SIGKILL');
  await expect.poll(() => isAlive(pid)).toBe(false);
});

async function serverPid(adminUrl: string | null): Promise<number | undefined> {
  const status: { servers: { pid: number; state: string }[] } = JSON.parse(
    await (await fetch(`${adminUrl}/status`)).text(),
  );
  return status.servers.find(({ state }) => state === 'ready')?.pid;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
