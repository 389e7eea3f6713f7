// An app that says by itself who calls.

import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defineApp } from '#src/app.js';
import { type TestServer, type TestServerOptions, testServer } from '#src/library/testing.js';
import { listeningLog } from '../../support/app.js';

const tasks = fileURLToPath(new URL('../../fixtures/apps/ecosystem/tasks', import.meta.url));
const { log, lines } = listeningLog();

/** Who is told by `X-User`; some of these are looked up, and one of them fails. */
const app = defineApp(({ app, call, authenticate }) => {
  authenticate((req) => {
    const name = req.get('x-user');
    if (name === 'boom') throw new Error('a secret');
    return name === 'slow' ? new Promise((resolve) => setImmediate(resolve, name)) : name;
  });
  app.get('/open', (_req, res) => void res.send('open'));
  app.get('/call', async (req, res) => void res.json(await call('measure', { data: 'ab' }, { req })));
});

async function start(options: TestServerOptions): Promise<TestServer> {
  return testServer({ app, tasks, threads: false, log, ...options });
}

describe('authenticate', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await start({ cpuQuotaMsPerMinute: 60_000 });
  });
  afterAll(async () => server.close());

  const get = (path: string, user?: string, init: RequestInit = {}) =>
    fetch(server.url + path, { ...init, headers: { ...init.headers, ...(user && { 'X-User': user }) } });

  it.each(['ann', 'slow'])('lets %s ask the tasks’ routes', async (user) => {
    expect((await get('/measure?data=a', user)).status).toBe(200);
    expect((await get('/measure?data=a', user, { method: 'HEAD' })).status).toBe(200);
    const headers = { 'Content-Type': 'application/json' };
    expect((await get('/measure', user, { method: 'POST', body: '{"data":"a"}', headers })).status).toBe(200);
    expect(await (await get('/call', user)).json()).toMatchObject({ length: 2 });
  });

  it.each([
    ['GET', '/measure?data=a'],
    ['HEAD', '/measure?data=a'],
    ['POST', '/measure'],
    ['GET', '/call'],
  ])('nobody is 401 with a challenge: %s %s', async (method, path) => {
    const answer = await get(path, undefined, { method });
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    if (method !== 'HEAD') expect(await answer.json()).toMatchObject({ code: 'UNAUTHORIZED' });
  });

  it('the app’s own routes, the probes and preflights are open', async () => {
    for (const path of ['/open', '/livez', '/openapi.json']) expect((await get(path)).status).toBe(200);
    expect((await get('/measure', undefined, { method: 'OPTIONS' })).status).toBe(204);
  });

  it('what is not there is told first', async () => {
    expect((await get('/nowhere')).status).toBe(404);
    expect((await get('/measure', undefined, { method: 'DELETE' })).status).toBe(405);
  });

  it('a failure of it is the server’s, in the log and not in the answer', async () => {
    for (const path of ['/measure?data=a', '/call']) {
      const answer = await get(path, 'boom');
      expect(answer.status).toBe(500);
      expect(await answer.text()).not.toContain('secret');
    }
    expect(lines.filter((line) => JSON.stringify(line).includes('a secret'))).toHaveLength(2);
  });

  it('quotas go by the name that it told', async () => {
    const answer = await get('/measure?data=a', 'quoted');
    expect(answer.headers.get('ratelimit-policy')).toBe('"cpu";q=60000;w=60');
  });
});

it('quotas are each name’s own, wherever it calls from, on the tasks’ routes and in calls of the app', async () => {
  const lingering = new URL('../../fixtures/native/linger.js', import.meta.url);
  const server = await start({ tasks: [tasks, lingering], cpuQuotaMsPerMinute: 1_000 });
  try {
    const as = (user: string, path: string, init: RequestInit = {}) =>
      fetch(server.url + path, { ...init, headers: { 'Content-Type': 'application/json', 'X-User': user } });
    // A first call may run however long; what it took is owed.
    const body = JSON.stringify({ how: 'timer', ms: 1_500 });
    expect((await as('ann', '/linger', { method: 'POST', body })).status).toBe(200);
    for (const path of ['/measure?data=a', '/call']) {
      const refused = await as('ann', path);
      expect([refused.status, JSON.parse(await refused.text()).code]).toEqual([429, 'QUOTA_EXCEEDED']);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(1);
      expect((await as('bob', path)).status).toBe(200);
    }
    expect((await as('ann', '/open')).status).toBe(200);
  } finally {
    await server.close();
  }
});

it('with API_KEYS_FILE the tasks’ routes need a key, the app’s own do not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'keys-'));
  const file = join(folder, 'keys');
  writeFileSync(file, `ann:${createHash('sha256').update('sesame').digest('hex')}\n`);
  const clients: string[] = [];
  const keyed = defineApp(({ app, call }) => {
    app.get('/call', async (req, res) => {
      clients.push(String(req.exchange.keyName));
      res.json(await call('measure', { data: 'ab' }, { req }));
      clients.push(String(req.exchange.keyName));
    });
  });
  const server = await start({ app: keyed, apiKeysFile: file });
  try {
    const headers = { Authorization: 'Bearer sesame' };
    expect((await fetch(`${server.url}/measure?data=a`)).status).toBe(401);
    expect((await fetch(`${server.url}/measure?data=a`, { headers })).status).toBe(200);
    expect((await fetch(`${server.url}/call`)).status).toBe(200);
    expect((await fetch(`${server.url}/call`, { headers })).status).toBe(200);
    expect(clients).toEqual(['undefined', 'undefined', 'undefined', 'ann']);
  } finally {
    await server.close();
    rmSync(folder, { recursive: true });
  }
});
