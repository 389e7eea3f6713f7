import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, launch, startCluster } from '../../support/cluster.js';

const shop = fileURLToPath(new URL('../../fixtures/apps/shop/app.js', import.meta.url));

describe('an app of one’s own', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({ args: [shop], env: { WORKERS: '1' } });
  });
  afterAll(async () => cluster.dispose());

  const get = (path: string, init?: RequestInit) => fetch(`${cluster.url}${path}`, init);

  it('has its own routes and middleware, with what every answer of the server carries', async () => {
    const answer = await get('/users/7?a=1');
    expect(await answer.json()).toEqual({ id: '7', query: { a: '1' } });
    expect(answer.headers.get('x-shop')).toBe('yes');
    expect(answer.headers.get('x-request-id')).toMatch(/^[\w.-]+$/);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
    expect(answer.headers.get('x-powered-by')).toBeNull();
  });

  it('may take bodies by any method, also from clients that wait to be asked for them', async () => {
    const body = JSON.stringify({ name: 'x'.repeat(80_000) });
    const headers = { 'Content-Type': 'application/json' };
    const answer = await get('/users/7', { method: 'PUT', body, headers });
    expect(JSON.stringify(await answer.json())).toBe(body);

    const socket = connect(cluster.port, '127.0.0.1');
    socket.write(
      'PUT /users/7 HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n' +
        'Content-Length: 7\r\nExpect: 100-continue\r\n\r\n',
    );
    const [asked] = await once(socket, 'data');
    expect(String(asked)).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    socket.write('{"a":1}');
    expect(await textOf(socket)).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*\{"a":1\}$/);
  });

  it('calls a task by its definition or its name, and answers with the value', async () => {
    expect(await (await get('/shout?text=abc')).json()).toEqual({ loud: 'ABC' });
    expect(await (await get('/by-name')).json()).toEqual({ loud: 'NAMED' });
  });

  it('need not catch what a call rejects with: it is the answer that the task’s route would give', async () => {
    const answer = await get('/shout');
    expect(answer.status).toBe(400);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.headers.get('x-shop-error')).toBe('INVALID_INPUT');
    expect(await answer.json()).toMatchObject({ code: 'INVALID_INPUT', errors: [{ path: 'text' }] });
  });

  it('ends a call at the deadline of its request', async () => {
    const headers = { 'Request-Timeout': '10', 'X-Request-Id': 'late' };
    const answer = await get('/latch', { headers });
    expect(answer.status).toBe(504);
    expect(await answer.json()).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await cluster.waitForLine(({ requestId, reason }) => requestId === 'late' && reason === 'TimeoutError');
  });

  it('cancels a call when the client of its request leaves', async () => {
    const leaving = new AbortController();
    const answer = get('/latch', { signal: leaving.signal, headers: { 'X-Request-Id': 'leaver' } });
    await cluster.waitForLine(({ msg, requestId }) => msg === 'latched' && requestId === 'leaver');
    leaving.abort();
    await expect(answer).rejects.toThrow();
    await cluster.waitForLine(({ msg, requestId }) => msg === 'released' && requestId === 'leaver');
  });

  it('wins over a route of the server, but not over the probes', async () => {
    expect(await (await get('/shout', { method: 'POST' })).json()).toEqual({ mine: true });
    expect(await (await get('/livez')).json()).toEqual({ status: 'ok' });
  });

  it('keeps the routes of its tasks, and none of the built-in ones', async () => {
    const headers = { 'Content-Type': 'application/json' };
    expect((await get('/latch', { method: 'POST', body: '{"a":1}', headers })).status).toBe(400);
    for (const path of ['/', '/io/delay?ms=1', '/hash?algorithm=sha256&data=a'])
      expect((await get(path)).status).toBe(404);
    const { paths }: { paths: object } = JSON.parse(await (await get('/openapi.json')).text());
    expect(Object.keys(paths).sort()).toEqual([
      '/docs',
      '/jobs',
      '/jobs/{id}',
      '/jobs/{id}/events',
      '/jobs/{id}/result',
      '/latch',
      '/livez',
      '/openapi.json',
      '/readyz',
      '/shout',
    ]);
  });

  it('may set a security header of its own', async () => {
    const answer = await get('/image');
    expect(answer.headers.get('cross-origin-resource-policy')).toBe('cross-origin');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('meets what is found nowhere and what throws in its own error handlers, then they are problems', async () => {
    const missing = await get('/nowhere');
    expect([missing.status, missing.headers.get('x-shop-error')]).toEqual([404, 'NOT_FOUND']);
    const failed = await get('/boom');
    expect([failed.status, failed.headers.get('x-shop-error')]).toEqual([500, 'Error']);
    expect(await failed.text()).not.toContain('secret');
  });

  it('has OPTIONS answered by what its routes have', async () => {
    const answer = await get('/users/7', { method: 'OPTIONS' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([200, 'GET, HEAD, PUT']);
    const missing = await get('/nowhere', { method: 'OPTIONS' });
    expect(missing.status).toBe(404);
    expect(await missing.json()).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('is measured by the patterns of its routes, also in routers and apps that are mounted', async () => {
    await get('/users/7/orders/8');
    await get('/admin/stats/today');
    // A server process that does not answer in time is told as it was before.
    const metrics = async () => (await fetch(`${cluster.adminUrl}/metrics`)).text();
    for (const route of ['/users/:id', '/users/:id/orders/:order', '/admin/stats/:name'])
      await expect
        .poll(metrics)
        .toContain(`http_request_duration_seconds_count{method="GET",route="${route}",status="200"}`);
  });
});

it('a drain answers everybody, then closes the app, whose upgraded sockets were its own', async () => {
  await using cluster = await startCluster({ args: [shop], env: { WORKERS: '1' } });
  const socket = connect(cluster.port, '127.0.0.1');
  socket.write('GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  const [accepted] = await once(socket, 'data');
  expect(String(accepted)).toMatch(/^HTTP\/1\.1 101 /);
  socket.write('still here');
  expect(String((await once(socket, 'data'))[0])).toBe('still here');
  const code = cluster.stop();
  expect(await textOf(socket)).toBe('bye');
  expect(await code).toBe(0);
  expect(cluster.lines.some(({ msg }) => msg === 'the shop closes')).toBe(true);
});

it.each([
  ['export default {}', 'has no default export made by defineApp'],
  ['throw new Error("no database")', 'cannot be imported: no database'],
  [
    "import { defineApp } from 'millrace'; export default defineApp(() => { throw new Error('no database') })",
    'its setup failed: no database',
  ],
  [
    "import { defineApp } from 'millrace'; export default defineApp(({ app }) => app.get('/livez', () => {}))",
    "the route /livez belongs to the server's probes",
  ],
])('%s ends the boot with 78 and the file', async (source, reason) => {
  const folder = mkdtempSync(fileURLToPath(new URL('../../fixtures/apps/', import.meta.url)));
  try {
    const file = join(folder, 'app.mjs');
    writeFileSync(file, source);
    const launched = launch({ args: ['--app', file] });
    expect(await launched.exited).toBe(78);
    expect(launched.stderr()).toContain(`millrace: ${file}: ${reason}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}
