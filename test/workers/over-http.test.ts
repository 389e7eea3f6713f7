// The built-in tasks as a caller meets them: through the app, on real threads.
import { fileURLToPath } from 'node:url';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLane } from '#src/lane/lane.js';
import { createLogger } from '#src/log.js';
import { loadTasks } from '#src/tasks/registry.js';
import { ioApp, testConfig } from '../support/app.js';

const sha256OfAbc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

let app: ReturnType<typeof ioApp>;
let close: () => Promise<unknown>;

beforeAll(async () => {
  const config = testConfig();
  const log = createLogger('silent', {});
  const tasks = await loadTasks([fileURLToPath(new URL('../../dist/workers', import.meta.url))]);
  const lane = createLane({
    config,
    tasks,
    log,
    onFatal: (error) => {
      throw error;
    },
  });
  close = () => lane.close();
  app = ioApp({ config, tasks, lane });
});

afterAll(() => close());

describe('/hash', () => {
  const answer = { algorithm: 'sha256', digest: sha256OfAbc, encoding: 'hex' };

  test('digests what a body, a query or raw bytes say', async () => {
    const json = await request(app).post('/hash').send({ algorithm: 'sha256', data: 'abc' });
    expect([json.status, json.body]).toEqual([200, answer]);
    const query = await request(app).get('/hash?algorithm=sha256&data=abc');
    expect([query.status, query.body]).toEqual([200, answer]);
    const raw = await request(app)
      .post('/hash?algorithm=sha256')
      .set('content-type', 'application/octet-stream')
      .send(Buffer.from('abc'));
    expect([raw.status, raw.body]).toEqual([200, answer]);
  });

  test('digests nothing at all, by POST and by GET', async () => {
    const json = await request(app).post('/hash').send({ algorithm: 'sha256', data: '' });
    expect(json.status).toBe(200);
    const query = await request(app).get('/hash?algorithm=sha256&data=');
    expect([query.status, query.body]).toEqual([200, json.body]);
  });

  test('makes password hashes that /hash/verify knows', async () => {
    const made = await request(app).post('/hash').send({ algorithm: 'bcrypt', data: 'secret', rounds: 4 });
    expect(made.body).toEqual({ algorithm: 'bcrypt', hash: expect.stringMatching(/^\$2b\$04\$/) });
    const verified = await request(app).post('/hash/verify').send({ data: 'secret', hash: made.body.hash });
    expect([verified.status, verified.body]).toEqual([200, { match: true }]);
  });

  test.each([
    '/hash?algorithm=bcrypt&data=secret',
    '/hash?algorithm=sha256',
    '/hash?algorithm=sha256&data=a&rounds=4',
  ])('refuses GET %s', async (url) => {
    const { status, body } = await request(app).get(url);
    expect([status, body.code]).toEqual([400, 'INVALID_INPUT']);
  });

  test.each([
    '',
    '?algorithm=argon2id',
    '?algorithm=sha256&inputEncoding=hex',
    '?algorithm=sha256&colour=red',
  ])('refuses raw bytes with the query %j', async (query) => {
    const raw = request(app).post(`/hash${query}`).set('content-type', 'application/octet-stream');
    const { status, body } = await raw.send(Buffer.from('abc'));
    expect([status, body.code]).toEqual([400, 'INVALID_INPUT']);
  });
});

describe('/compute', () => {
  test('answers by body and by path', async () => {
    const expected = { operation: 'primes', result: { count: 25, largest: 97 } };
    const posted = await request(app).post('/compute').send({ operation: 'primes', limit: 100 });
    expect(posted.body).toEqual(expected);
    const got = await request(app).get('/compute/primes?limit=100');
    expect(got.body).toEqual(expected);
  });

  test('draws a PNG', async () => {
    const got = await request(app).get('/compute/mandelbrot?width=40&height=30&centerX=-0.5&scale=2.5');
    expect([got.status, got.headers['content-type']]).toEqual([200, 'image/png']);
    expect(got.body.subarray(1, 4).toString()).toBe('PNG');
  });

  test.each([
    ['/compute', 405],
    ['/compute/matmul', 405],
    ['/compute/collatz', 404],
    ['/compute/primes', 400],
    ['/compute/primes?limit=ten', 400],
    ['/compute/factorize?n=0', 400],
  ])('GET %s is %i', async (url, status) => {
    expect((await request(app).get(url)).status).toBe(status);
  });

  test('names the row of a product that overflows as bad input', async () => {
    const input = { operation: 'matmul', a: [[1e308, 1e308]], b: [[10], [10]] };
    const { status, body } = await request(app).post('/compute').send(input);
    expect([status, body.code]).toEqual([400, 'INVALID_INPUT']);
  });
});
