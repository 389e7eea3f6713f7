// What systemd is told, and what it hands over: to a real datagram socket, by the real systemd-notify, and from the real
// systemd-socket-activate.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { serviceManagerOf } from '#src/service-manager.js';
import { freePort } from '../../bench/free-port.js';
import { launch, startCluster, watch } from '../support/cluster.js';

const main = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

const isMissing = (program: string) => spawnSync(program, ['--version']).error !== undefined;
const noListener = isMissing('python3') || isMissing('systemd-notify');
if (noListener) console.warn('Skipped: what systemd is told needs python3 and systemd-notify (systemd).');
const noActivation = isMissing('systemd-socket-activate');
if (noActivation) console.warn('Skipped: socket activation needs systemd-socket-activate (systemd).');

/** Prints each message as a line of JSON. Node has no such sockets. */
const listener = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print(json.dumps("bound"), flush=True)
while True: print(json.dumps(s.recv(65536).decode()), flush=True)
`;

interface Told {
  readonly socket: string;
  /** The next message that has this in it. */
  next(text: string): Promise<string>;
}

async function listenForMessages(): Promise<Told> {
  const folder = mkdtempSync(join(tmpdir(), 'notify-'));
  const socket = join(folder, 'socket');
  const child = spawn('python3', ['-c', listener, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const message = async () => String(JSON.parse((await lines.next()).value));
  expect(await message()).toBe('bound');
  return {
    socket,
    async next(text) {
      for (;;) {
        const told = await message();
        if (told.includes(text)) return told;
      }
    },
  };
}

describe.skipIf(noListener)('systemd is told', () => {
  it('that all is ready, what is reloaded and how it ended, that all is well, and that it stops', async () => {
    const { socket, next } = await listenForMessages();
    await using cluster = launch({ env: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '4000000' } });
    expect(await next('READY')).toBe('READY=1\nSTATUS=Serving with 2 server processes');
    expect(await next('WATCHDOG')).toBe('WATCHDOG=1');

    const beforeUs = process.hrtime.bigint() / 1_000n;
    cluster.signal('SIGHUP');
    const [, usec = '0'] =
      /^RELOADING=1\nMONOTONIC_USEC=(\d+)\nSTATUS=Reloading$/.exec(await next('RELOADING')) ?? [];
    expect(BigInt(usec)).toBeGreaterThanOrEqual(beforeUs);
    expect(BigInt(usec)).toBeLessThanOrEqual(process.hrtime.bigint() / 1_000n);
    expect(await next('READY')).toBe('READY=1\nSTATUS=Serving with 2 server processes');

    cluster.signal('SIGTTOU');
    expect(await next('with 1')).toBe('STATUS=Serving with 1 server processes');
    cluster.signal('SIGTERM');
    expect(await next('STOPPING')).toBe('STOPPING=1\nSTATUS=Draining (SIGTERM)');
    expect(await cluster.exited).toBe(0);
  });

  it('nothing where it cannot be: the server serves all the same, and says so once', async () => {
    await using cluster = await startCluster({
      env: { NOTIFY_SOCKET: '/nowhere/notify', WATCHDOG_USEC: '200000' },
    });
    const fits = ({ msg }: Readonly<Record<string, unknown>>) =>
      String(msg).startsWith('systemd cannot be told');
    await cluster.waitForLine(fits);
    expect((await fetch(cluster.url)).status).toBe(200);
    expect(await cluster.stop()).toBe(0);
    expect(cluster.lines.filter(fits)).toHaveLength(1);
  });
});

describe.skipIf(noActivation)('a socket that was opened by systemd', () => {
  it('is the public port, whatever HOST and PORT say, and is kept from what the server starts', async () => {
    const port = await freePort();
    const patient = ['BOOT_TIMEOUT_MS', 'HEADERS_TIMEOUT_MS', 'REQUEST_TIMEOUT_MS'].map(
      (name) => `${name}=60000`,
    );
    const env = [
      'PORT=1',
      'ADMIN_PORT=0',
      'WORKERS=1',
      'POOL_NICE=0',
      ...patient,
      `PATH=${process.env.PATH}`,
    ].flatMap((one) => ['-E', one]);
    const child = spawn(
      'systemd-socket-activate',
      ['-l', `127.0.0.1:${port}`, ...env, process.execPath, main],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    await using activated = watch(child);
    // It listens, and starts the server once somebody comes, who waits for it.
    if (child.stderr !== null) await once(child.stderr, 'data');
    expect(await (await fetch(`http://127.0.0.1:${port}/livez`)).json()).toEqual({ status: 'ok' });
    const line = await activated.waitForLine(({ msg }) => msg === 'listening');
    expect(line).toMatchObject({ port, url: `http://127.0.0.1:${port}` });
    expect(await activated.stop()).toBe(0);
  });

  it('is refused in one line where it is none, or not the only one', async () => {
    for (const [fds, line] of [
      ['1', 'LISTEN_FDS must tell of a listening socket, but descriptor 3 is none'],
      ['2', "LISTEN_FDS must be 1, the public port's socket, not 2"],
    ]) {
      // A shell's own id is that of what it becomes.
      const child = spawn(
        'sh',
        ['-c', `LISTEN_FDS=${fds} LISTEN_PID=$$ exec "$0" "$1" 3</dev/null`, process.execPath, main],
        {
          env: { PATH: process.env.PATH, PORT: '0', ADMIN_PORT: '0' },
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      );
      await using refused = watch(child);
      expect(await refused.exited).toBe(78);
      expect(refused.stderr()).toContain(line);
    }
  });
});

describe('what a service manager says', () => {
  it('counts where it is said to this process', () => {
    const env = {
      NOTIFY_SOCKET: '@notify',
      WATCHDOG_USEC: '30000000',
      WATCHDOG_PID: '7',
      LISTEN_FDS: '1',
      LISTEN_PID: '7',
    };
    expect(serviceManagerOf(env, 7)).toEqual({ notifySocket: '@notify', watchdogMs: 30_000, sockets: 1 });
    expect(serviceManagerOf(env, 8)).toEqual({ notifySocket: '@notify', watchdogMs: undefined, sockets: 0 });
    expect(serviceManagerOf({ LISTEN_FDS: '1', WATCHDOG_USEC: 'soon' }, 7)).toEqual({
      notifySocket: undefined,
      watchdogMs: undefined,
      sockets: 0,
    });
  });
});
