// Where the routes of tasks stand beside those of an app of one's own, and what the API is called.
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { millraceVersion } from '#src/version.js';
import { startTestServer, type TestServer } from '../../support/server.js';

const app = fileURLToPath(new URL('../../fixtures/apps/shop/app.js', import.meta.url));

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({
    APP: app,
    BUILT_INS: 'on',
    ROUTE_PREFIX: '/api/cpu',
    API_TITLE: 'Shop <1>',
    API_DESCRIPTION: 'Sells.',
  });
});
afterAll(async () => void (await server.close('stop', 1_000)));

const get = (path: string, init?: RequestInit) => fetch(`${server.url}${path}`, init);

it('tasks, docs and the description stand behind ROUTE_PREFIX, the probes and light routes do not', async () => {
  const headers = { 'Content-Type': 'application/json' };
  const loud = await get('/api/cpu/shout', { method: 'POST', headers, body: '{"text":"a"}' });
  expect(await loud.json()).toEqual({ loud: 'A' });
  for (const path of ['/api/cpu/compute/primes?limit=9', '/api/cpu/docs', '/livez', '/io/delay?ms=0'])
    expect([path, (await get(path)).status]).toEqual([path, 200]);
  for (const path of ['/openapi.json', '/docs', '/compute/primes?limit=9', '/api/cpu/livez', '/API/cpu/docs'])
    expect([path, (await get(path)).status]).toEqual([path, 404]);
  expect((await get('/api/cpu/compute/primes?limit=9', { method: 'HEAD' })).status).toBe(200);
  const options = await get('/api/cpu/shout', { method: 'OPTIONS' });
  expect([options.status, options.headers.get('allow')]).toEqual([204, 'POST, OPTIONS']);
  const missing = await get('/api/cpu/compute/none');
  expect(await missing.json()).toMatchObject({ detail: 'There is nothing at /api/cpu/compute/none.' });
});

it('the description’s paths lead to what they describe', async () => {
  const at = `${server.url}/api/cpu/openapi.json`;
  const document: {
    info: unknown;
    servers: { url: string }[];
    paths: Record<string, { servers?: { url: string }[] }>;
  } = JSON.parse(await (await fetch(at)).text());
  expect(document.info).toMatchObject({ title: 'Shop <1>', version: millraceVersion() });
  for (const [path, item] of Object.entries(document.paths)) {
    const [base] = item.servers ?? document.servers;
    const url = new URL(
      `${new URL(String(base?.url), at).href.replace(/\/$/, '')}${path.replace('{operation}', 'primes')}`,
    );
    expect([url.href, (await fetch(url, { method: 'OPTIONS' })).status]).toEqual([url.href, 204]);
  }
  expect(await (await get('/api/cpu/docs')).text()).toContain('<title>Shop &#60;1&#62; API</title>');
});

it('metrics are labelled by the whole pattern', async () => {
  await get('/api/cpu/compute/primes?limit=9');
  const routes = server
    .metrics()
    .series.filter(({ family }) => family === 'http_request_duration_seconds')
    .map(({ labels }) => labels[1]);
  expect(routes).toContain('/api/cpu/compute/:operation');
});
