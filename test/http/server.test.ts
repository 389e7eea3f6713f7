// One server process's server as it is started for real: app, lane, threads.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { readConfig, type ServerConfig } from '#src/config.js';
import { createLogger } from '#src/log.js';
import { type RunningServer, startServer } from '#src/server/server.js';
import { listeningLog } from '../support/app.js';
import { RawClient } from '../support/raw-client.js';
import { meets } from './meets.js';
import { table } from './request-table.js';

function start(env: Record<string, string> = {}, log = createLogger('silent', {})): Promise<RunningServer> {
  const config: ServerConfig = {
    ...readConfig({ PORT: '0', POOL_NICE: '0', ...env }),
    workers: 1,
    poolMaxThreads: 2,
    cores: 2,
  };
  return startServer({
    connectionsFrom: 'address',
    config,
    slot: 1,
    log,
    readiness: () => 'ok',
    onFatal: (error) => {
      throw error;
    },
  });
}

describe('the app behind the HTTP layer answers the table as the table says', () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server.close('stop', 1_000));

  test.each(table)('$title', async (row) => {
    await meets(server.port, row);
  });
});

describe('a server', () => {
  let server: RunningServer | undefined;
  const clients: RawClient[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await server?.close('stop', 0);
    server = undefined;
  });

  async function connect(to: RunningServer): Promise<RawClient> {
    const client = await RawClient.connect(to.port);
    clients.push(client);
    return client;
  }

  const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
  const nqueens = (n: number) => get(`/compute/nqueens?n=${n}`);

  test('tells where it listens and how it is', async () => {
    server = await start();
    expect(server.address).toBe('127.0.0.1');
    const client = await connect(server);
    await client.send(nqueens(6)).answer();
    const status = server.status();
    expect(status.threads).toMatchObject({ busy: 0, idle: 1, max: 2 });
    expect(status.queue).toEqual({ waiting: 0, limit: 1_024 });
    expect(status.tasks.compute).toMatchObject({ completed: 1 });
    expect(status.eventLoopDelayMs.p99).toBeGreaterThanOrEqual(status.eventLoopDelayMs.p50);
  });

  test('counts, logs and protects what it refuses before any handler', async () => {
    const { log, lines } = listeningLog();
    server = await start({ ACCESS_LOG: 'all', MAX_CONNECTIONS: '3' }, log);
    const three = [await connect(server), await connect(server), await connect(server)];
    const refusals = [await (await connect(server)).answer()];
    for (const bytes of [
      'GET /x?secret HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n',
      `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n',
    ]) {
      const [client] = three.splice(0, 1);
      if (client !== undefined) refusals.push(await client.send(bytes).answer());
    }
    expect(refusals.map(({ status }) => status)).toEqual([503, 400, 431, 405]);
    for (const { headers } of refusals) {
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      const line = lines.find(({ requestId }) => requestId === headers.get('x-request-id'));
      expect(line).toMatchObject({ client: '127.0.0.1', msg: 'request' });
    }
    expect(lines.find(({ status }) => status === 400)).toMatchObject({ method: 'GET', path: '/x' });
    expect(JSON.stringify(lines)).not.toContain('secret');
    const counted = server.metrics().series.map(({ labels }) => labels.join(' '));
    for (const labels of [
      'GET unmatched 400',
      'other unmatched 431',
      'other unmatched 405',
      'other unmatched 503',
    ])
      expect(counted).toContain(labels);
  });

  test('does not start where its address is taken, and leaves nothing running', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    try {
      await expect(start({ PORT: String(port) })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    } finally {
      other.close();
    }
  });

  test('does not start with a task folder that cannot be read', async () => {
    await expect(start({ TASKS_DIR: '/nowhere' })).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringContaining('TASKS_DIR'),
    });
  });

  test('stop: running and queued calls are answered, and say close', async () => {
    server = await start();
    const callers = await Promise.all(Array.from({ length: 16 }, () => connect(server as RunningServer)));
    for (const caller of callers) caller.send(nqueens(13));
    const probe = await connect(server);
    await probe.send(get('/')).answer();
    const closed = server.close('stop', 120_000);
    const answers: Awaited<ReturnType<(typeof callers)[number]['answer']>>[] = [];
    await Promise.all(callers.map(async (caller) => void answers.push(await caller.answer())));
    expect(answers.map(({ status }) => status)).toEqual(callers.map(() => 200));
    // The first ones may have been done when the stop began.
    for (const { headers } of answers.slice(-8)) expect(headers.get('connection')).toBe('close');
    expect(await closed).toMatchObject({ cut: 0 });
  });

  test('stop: a call that arrives on an open connection is refused, a light request is not', async () => {
    server = await start();
    const [first, second, third] = [await connect(server), await connect(server), await connect(server)];
    first.send(get('/io/delay?ms=4000'));
    second.send('GET /compute/nqueens?n=6 HTTP/1.1\r\n');
    third.send('GET /livez HTTP/1.1\r\n');
    await (await connect(server)).send(get('/')).answer();
    const closed = server.close('stop', 20_000);
    second.send('Host: a\r\n\r\n');
    third.send('Host: a\r\n\r\n');
    const refusal = await second.answer();
    expect(refusal.status).toBe(503);
    expect(JSON.parse(refusal.body)).toMatchObject({ code: 'SHUTTING_DOWN' });
    for (const client of [first, third]) {
      const answer = await client.answer();
      expect(answer.status).toBe(200);
      expect(answer.headers.get('connection')).toBe('close');
    }
    expect(await closed).toMatchObject({ cut: 0 });
  });

  test('stop: at the deadline calls and timers are answered 503, and counted', async () => {
    server = await start();
    const [call, timer] = [await connect(server), await connect(server)];
    call.send(nqueens(16));
    timer.send(get('/io/delay?ms=60000'));
    await (await connect(server)).send(get('/')).answer();
    const closed = server.close('stop', 50);
    for (const client of [call, timer]) {
      const refusal = await client.answer();
      expect(refusal.status).toBe(503);
      expect(JSON.parse(refusal.body)).toMatchObject({ code: 'SHUTTING_DOWN' });
      expect(refusal.headers.get('connection')).toBe('close');
    }
    expect(await closed).toMatchObject({ cut: 2 });
  });

  test('reload: calls that arrive on kept connections are served', async () => {
    server = await start();
    const client = await connect(server);
    await client.send(get('/')).answer();
    const closed = server.close('reload', 20_000);
    const answer = await client.send(nqueens(6)).answer();
    expect(answer.status).toBe(200);
    expect(answer.headers.get('connection')).toBe('close');
    expect(await closed).toMatchObject({ cut: 0 });
  });

  test('a body that is too large is refused while it is still being sent', async () => {
    server = await start({ BODY_LIMIT_BYTES: '1000' });
    const client = await connect(server);
    client.send('POST /io/echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (let i = 0; i < 100; i++) client.send(`10000\r\n${'x'.repeat(65_536)}\r\n`);
    expect((await client.answer()).status).toBe(413);
  });
});
