// What tells clients and caches that the answer of a task that shares its runs is the one they have.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestServer, testServer } from '#src/library/testing.js';

let server: TestServer;
beforeAll(async () => {
  const tasks = new URL('../../fixtures/shared-answers/', import.meta.url);
  server = await testServer({ tasks, jobs: 'off', poolMaxThreads: 1, poolNice: 0 });
});
afterAll(() => server.close());

const get = (path: string, headers = {}) => fetch(`${server.url}${path}`, { headers });
const post = (path: string, headers = {}) =>
  fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: '{"text":"a"}',
  });

it.each([
  ['/shout', 'private, no-cache'],
  ['/kept', 'private, max-age=90'],
  ['/public', 'public, max-age=60'],
])('%s says how long, and has a tag by which it is asked for again', async (path, cacheControl) => {
  const first = await get(`${path}?text=a`);
  expect(await first.json()).toEqual({ loud: 'A' });
  expect(first.headers.get('cache-control')).toBe(cacheControl);
  const tag = String(first.headers.get('etag'));
  expect(tag).toMatch(/^"[\w-]{43}"$/);

  const again = await get(`${path}?text=a`, {
    'If-None-Match': `"other", W/${tag}`,
    'Cache-Control': 'max-age=0',
  });
  expect([again.status, await again.text()]).toEqual([304, '']);
  expect(again.headers.get('etag')).toBe(tag);
  expect(again.headers.get('cache-control')).toBe(cacheControl);

  const other = await get(`${path}?text=b`, { 'If-None-Match': tag, 'Cache-Control': 'max-age=0' });
  expect([other.status, await other.json()]).toEqual([200, { loud: 'B' }]);
  expect(other.headers.get('etag')).not.toBe(tag);

  const posted = await post(path, { 'If-None-Match': tag });
  expect([posted.status, await posted.json()]).toEqual([200, { loud: 'A' }]);
  expect(posted.headers.get('etag')).toBe(tag);
});

it('a HEAD, which makes no call, says how long as well', async () => {
  const head = await fetch(`${server.url}/kept?text=a`, { method: 'HEAD' });
  expect(head.headers.get('cache-control')).toBe('private, max-age=90');
});

it('a result that was kept says so', async () => {
  await get('/kept?text=c');
  const answer = await get('/kept?text=c');
  expect(answer.headers.get('server-timing')).toBe('lane;desc="shared", queue;dur=0, run;dur=0');
  expect(answer.headers.get('age')).toMatch(/^\d+$/);
  expect((await get('/shout?text=c')).headers.get('age')).toBeNull();
});

it('what the task says itself stays as it is', async () => {
  const own = await get('/own?text=a', { 'If-None-Match': '"mine"', 'Cache-Control': 'max-age=0' });
  expect(own.status).toBe(200);
  expect([own.headers.get('etag'), own.headers.get('cache-control')]).toEqual(['"mine"', 'no-store']);
  const created = await get('/own?text=new');
  expect([created.status, created.headers.get('etag'), created.headers.get('cache-control')]).toEqual([
    201,
    null,
    'no-store',
  ]);
});

it('problems carry none of it', async () => {
  const refused = await get('/kept?word=a');
  expect([refused.status, refused.headers.get('etag')]).toEqual([400, null]);
});

it('is described so', async () => {
  const described = JSON.stringify(await (await get('/openapi.json')).json());
  const { responses } = JSON.parse(described).components;
  expect(responses['kept.answer'].headers).toHaveProperty('ETag');
  expect(Object.keys(JSON.parse(described).paths['/kept'].get.responses)).toContain('304');
  expect(described).toContain('"name":"If-None-Match"');
  expect(responses['kept.answer'].headers['Cache-Control'].example).toBe('private, max-age=90');
  expect(Object.keys(JSON.parse(described).paths['/kept'].post.responses)).not.toContain('304');
});
