// Middleware of the ecosystem in an app of one's own, unchanged, in front of its routes and of the tasks' routes.
import { once } from 'node:events';
import { connect } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type Cluster, startCluster } from '../../support/cluster.js';

const app = fileURLToPath(new URL('../../fixtures/apps/ecosystem/app.js', import.meta.url));
const json = { 'Content-Type': 'application/json' };
const bytes = { 'Content-Type': 'application/octet-stream' };

describe('middleware works as it does elsewhere', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster({ args: [app], env: { WORKERS: '1' } });
  });
  afterAll(async () => cluster.dispose());

  const get = (path: string, init?: RequestInit) => fetch(`${cluster.url}${path}`, init);
  const post = (path: string, headers: Record<string, string>, body: RequestInit['body'] & {}) =>
    get(path, { method: 'POST', headers, body });
  /** Without what fetch unpacks and adds. */
  async function raw(...lines: string[]): Promise<string> {
    const socket = connect(cluster.port, '127.0.0.1');
    socket.write(`${lines.join('\r\n')}\r\nHost: a\r\nConnection: close\r\n\r\n`);
    return textOf(socket);
  }

  it('express-session', async () => {
    const first = await get('/visits');
    expect(await first.json()).toEqual({ visits: 1 });
    const cookie = String(first.headers.get('set-cookie')).split(';', 1).join();
    expect(await (await get('/visits', { headers: { cookie } })).json()).toEqual({ visits: 2 });
  });

  it('multer, whose bytes are given to a task', async () => {
    const form = new FormData();
    form.set('file', new Blob(['x'.repeat(70_000)]), 'a.txt');
    const answer = await get('/upload', { method: 'POST', body: form });
    expect(await answer.json()).toEqual({ length: 70_000, filler: '' });
  });

  it('express.static: pages with scripts of their own, ranges and conditional requests', async () => {
    const page = await get('/files/');
    expect(await page.text()).toContain('<script>');
    expect(page.headers.get('content-security-policy')).toBeNull();
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    const part = await get('/files/index.html', {
      headers: { Range: 'bytes=0-8', 'Accept-Encoding': 'identity' },
    });
    expect([part.status, await part.text()]).toEqual([206, '<!doctype']);
    const known = { 'If-None-Match': String(page.headers.get('etag')), 'Cache-Control': 'max-age=0' };
    expect((await get('/files/', { headers: known })).status).toBe(304);
    expect((await get('/files/none.html')).status).toBe(404);
    expect((await get('/files/index.html', { headers: { Range: 'bytes=9999-' } })).status).toBe(416);
  });

  it.each([
    ['routes of the app', '/long'],
    ['routes of tasks', '/measure?data=a&fill=5000'],
    ['the description', '/openapi.json'],
    ['problems', `/${'x'.repeat(200)}`],
  ])('compression in front of %s', async (_what, path) => {
    const packed = await raw(`GET ${path} HTTP/1.1`, 'Accept-Encoding: gzip');
    expect(packed).toMatch(/\r\nContent-Encoding: gzip\r\n/i);
    expect(packed).not.toMatch(/\r\nContent-Length:/i);
    const headers = { 'X-Request-Id': 'same' };
    const unpacked = await (await get(path, { headers })).text();
    const plain = await get(path, { headers: { ...headers, 'Accept-Encoding': 'identity' } });
    expect(unpacked).toBe(await plain.text());
  });

  it('cors, preflights too', async () => {
    const headers = { Origin: 'https://shop.example', 'Access-Control-Request-Method': 'PUT' };
    const preflight = await get('/cors/resource', { method: 'OPTIONS', headers });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('https://shop.example');
    expect(preflight.headers.get('access-control-allow-methods')).toContain('PUT');
    expect(await (await get('/cors/resource', { method: 'PUT' })).text()).toBe('PUT');
  });

  it('helmet, whose headers win; an app may also leave one out, or say it itself', async () => {
    const { headers } = await get('/helmet/page');
    expect(headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    const bare = (await raw('GET /bare HTTP/1.1')).toLowerCase();
    expect(bare).not.toContain('x-frame-options');
    expect(bare.match(/x-content-type-options: .*/g)).toEqual(['x-content-type-options: mine']);
    expect(bare.match(/x-request-id/g)).toHaveLength(1);
  });

  it('answers of the server’s own routes keep the strict policy', async () => {
    for (const path of ['/measure?data=a', '/livez', '/openapi.json', '/nowhere'])
      expect((await get(path)).headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  it('passport', async () => {
    const known = await get('/me', { headers: { Authorization: 'Bearer good' } });
    expect(await known.json()).toEqual({ name: 'ann' });
    const unknown = await get('/me');
    expect([unknown.status, unknown.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="Users"']);
  });

  it('parsers of bodies, in front of a call', async () => {
    expect(await (await post('/json', json, '{"data":"abc"}')).json()).toMatchObject({ length: 3 });
    expect(await (await post('/form', {}, new URLSearchParams({ a: '1' }))).json()).toEqual({ a: '1' });
    expect(await (await post('/raw', bytes, 'abcd')).json()).toMatchObject({ length: 4 });
    const broken = await post('/json', json, '{');
    expect([broken.status, await broken.json()]).toMatchObject([400, { code: 'MALFORMED_BODY' }]);
    const invalid = await post('/json', json, '{"data":7}');
    expect([invalid.status, await invalid.json()]).toMatchObject([400, { errors: [{ path: 'data' }] }]);
    for (const method of ['PUT', 'PATCH', 'DELETE'])
      expect(await (await get('/body', { method, headers: json, body: '[1]' })).json()).toEqual({
        method,
        body: [1],
      });
  });

  it('parsers of bodies, in front of the tasks’ routes', async () => {
    const parsed = { 'X-Parse': 'yes' };
    expect(await (await post('/measure', { ...json, ...parsed }, '{"data":"abc"}')).json()).toMatchObject({
      length: 3,
    });
    expect(await (await post('/measure', { ...bytes, ...parsed }, 'abcd')).json()).toMatchObject({
      length: 4,
    });
    const body = 'x'.repeat(600_000);
    expect(await (await post('/measure', { ...bytes, ...parsed }, body)).json()).toMatchObject({
      length: 600_000,
    });
  });

  it.each([
    ['part', 'a part of the body'],
    ['all', 'the body'],
  ])('a body of which middleware has read and kept %s is a fault that the log tells', async (how, what) => {
    const headers = { ...bytes, 'X-Parse': how, 'X-Request-Id': `read-${how}` };
    const answer = await post('/measure', headers, 'x'.repeat(600_000));
    expect([answer.status, await answer.json()]).toMatchObject([500, { code: 'INTERNAL' }]);
    const line = await cluster.waitForLine(
      ({ requestId, level }) => requestId === `read-${how}` && level !== undefined,
    );
    expect(JSON.stringify(line)).toContain(
      `middleware in front of /measure has read ${what} and left nothing`,
    );
  });

  it('morgan, and others that wait for the end of an answer', async () => {
    await get('/measure?data=a');
    await cluster.waitForLine(({ msg }) => msg === 'morgan GET /measure?data=a 200');
  });

  it('apps that are mounted, also those of another copy of Express', async () => {
    expect(await (await post('/mounted/call', json, '{"data":"ab"}')).json()).toMatchObject({ length: 2 });
    const answer = await get('/foreign/hello');
    expect(await answer.json()).toEqual({ hello: 'foreign' });
    expect(answer.headers.get('x-request-id')).not.toBeNull();
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it.each([
    [403, 'FORBIDDEN', 'a message'],
    [409, 'CONFLICT', 'a message'],
    [410, 'GONE', 'a message'],
    [418, 'IM_A_TEAPOT', 'a message'],
    [422, 'UNPROCESSABLE_ENTITY', 'a message'],
    [503, 'SERVICE_UNAVAILABLE', 'Service Unavailable'],
  ])('an error that names the status %i has it in its problem', async (status, code, detail) => {
    const answer = await get(`/error/${status}`);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect([answer.status, await answer.json()]).toMatchObject([status, { status, code, detail }]);
  });

  it.each([
    ['/rejects', 500],
    ['/mounted/fail', 500],
    ['/error/502', 502],
  ])('the log names what failed at %s, and the client never hears it', async (path, status) => {
    const answer = await get(path, { headers: { 'X-Request-Id': `log${status}${path.length}` } });
    expect(answer.status).toBe(status);
    expect(await answer.text()).not.toMatch(/secret|a message/);
    const line = await cluster.waitForLine(({ requestId }) => requestId === `log${status}${path.length}`);
    expect(line).toMatchObject({ method: 'GET', path, status, level: 50 });
    expect(JSON.stringify(line.err)).toMatch(/secret|a message/);
  });

  it('an error behind the head of an answer cuts its connection, and the log says why', async () => {
    const answer = await raw('GET /late HTTP/1.1', 'X-Request-Id: late');
    expect(answer).toContain('begun');
    expect(answer).not.toMatch(/\r\n0\r\n\r\n$/);
    const line = await cluster.waitForLine(({ requestId }) => requestId === 'late');
    expect(line.msg).toBe('An error came after the answer had begun: its connection was cut.');
    expect(await (await get('/after', { headers: { 'X-Request-Id': 'after' } })).text()).toBe('whole');
    await cluster.waitForLine(({ requestId }) => requestId === 'after');
  });

  it('next(route)', async () => {
    expect(await (await get('/next')).text()).toBe('the next route');
  });

  it('ws refuses what is no sound upgrade, and echoes for others', async () => {
    const refused = connect(cluster.port, '127.0.0.1');
    refused.write('GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    expect(await textOf(refused)).not.toContain('101');
    const wrong = await raw('GET / HTTP/1.1', 'Upgrade: websocket', 'Connection: Upgrade');
    expect(wrong).toMatch(/^HTTP\/1\.1 400 /);
    const socket = new WebSocket(cluster.url.replace('http', 'ws'));
    await once(socket, 'open');
    socket.send('hello');
    const [echoed] = await once(socket, 'message');
    expect(String(echoed)).toBe('hello');
    socket.close();
    await once(socket, 'close');
  });
});

it.each([
  ['stop', (cluster: Cluster) => void cluster.stop()],
  ['reload', (cluster: Cluster) => cluster.signal('SIGHUP')],
])('what ws has accepted is closed by the app at a %s', async (_how, end) => {
  await using cluster = await startCluster({ args: [app], env: { WORKERS: '1' } });
  const socket = new WebSocket(cluster.url.replace('http', 'ws'));
  await once(socket, 'open');
  const closed = once(socket, 'close');
  end(cluster);
  const [code, reason] = await closed;
  expect([code, String(reason)]).toEqual([1001, 'bye']);
});
