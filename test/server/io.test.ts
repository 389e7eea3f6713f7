import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { ioApp, testConfig } from '../support/app.js';

const app = ioApp();

describe('light routes', () => {
  it('GET / greets with the process id', async () => {
    const res = await request(app).get('/').expect(200);
    expect(res.text).toBe(`hello from server ${process.pid}`);
    expect(res.headers['content-type']).toMatch(/^text\/plain/);
  });

  it('GET /io/delay waits and says how long', async () => {
    const started = performance.now();
    await request(app).get('/io/delay?ms=50').expect(200, { waitedMs: 50 });
    expect(performance.now() - started).toBeGreaterThanOrEqual(49);
  });

  it.each([
    '',
    '?ms=',
    '?ms=-1',
    '?ms=1.5',
    '?ms=060',
    '?ms=60001',
    '?ms=1e3',
    '?ms=1&ms=2',
    '?ms=1&x=1',
    '?ms=%20',
  ])('GET /io/delay%s is INVALID_INPUT', async (query) => {
    const res = await request(app).get(`/io/delay${query}`).expect(400);
    expect(res.body.code).toBe('INVALID_INPUT');
    expect(res.body.errors[0].path).toMatch(/^(ms|x)$/);
  });

  it('GET /io/delay ends at the deadline with DEADLINE_EXCEEDED', async () => {
    const res = await request(app).get('/io/delay?ms=20000').set('Request-Timeout', '0.03').expect(504);
    expect(res.body.code).toBe('DEADLINE_EXCEEDED');
  });

  it.each(['abc', '0', '0.000', '-1', '1.0000', '1234567', ''])(
    'a Request-Timeout of %j is BAD_REQUEST',
    async (value) => {
      const res = await request(app).get('/').set('Request-Timeout', value).expect(400);
      expect(res.body.code).toBe('BAD_REQUEST');
    },
  );

  it('POST /io/echo sends the body back as it came, and lets nothing in it run', async () => {
    const body = Buffer.from('<script>alert(1)</script>\u0000é');
    const res = await request(app)
      .post('/io/echo')
      .set('Content-Type', 'text/html; charset=utf-8')
      .send(body.toString())
      .expect(200);
    expect(res.text).toBe(body.toString());
    expect(res.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none';frame-ancestors 'none';sandbox",
    });
  });

  it('POST /io/echo without a media type answers bytes', async () => {
    const res = await request(app).post('/io/echo').expect(200);
    expect(res.headers['content-type']).toBe('application/octet-stream');
    expect(res.headers['content-length']).toBe('0');
  });

  it('POST /io/echo keeps to BODY_LIMIT_BYTES', async () => {
    const small = ioApp({ config: testConfig({ BODY_LIMIT_BYTES: '10' }) });
    await request(small).post('/io/echo').set('Content-Type', 'text/plain').send('0123456789').expect(200);
    const res = await request(small).post('/io/echo').set('Content-Type', 'text/plain').send('0123456789a');
    expect(res.status).toBe(413);
    expect(res.body.code).toBe('BODY_TOO_LARGE');
    expect(res.headers.connection).toBe('close');
  });

  it.each(['/livez', '/readyz'])('%s takes any query: probes carry some', async (path) => {
    for (const query of ['?verbose', '?verbose=&verbose=1', '?%ff'])
      await request(app)
        .get(path + query)
        .expect(200, { status: 'ok' });
  });

  it('HEAD answers wherever GET does, without a body', async () => {
    for (const path of ['/', '/io/delay?ms=50000', '/livez', '/readyz']) {
      const res = await request(app).head(path).expect(200);
      expect(Number(res.headers['content-length'])).toBeGreaterThan(0);
    }
  });

  it.each([
    ['/', 'GET, HEAD, OPTIONS'],
    ['/io/delay', 'GET, HEAD, OPTIONS'],
    ['/io/echo', 'POST, OPTIONS'],
    ['/livez', 'GET, HEAD, OPTIONS'],
  ])('%s allows %s', async (path, allow) => {
    const options = await request(app).options(path).expect(204);
    expect(options.headers.allow).toBe(allow);
    const refused = await request(app).delete(path).expect(405);
    expect(refused.headers.allow).toBe(allow);
    expect(refused.body.code).toBe('METHOD_NOT_ALLOWED');
  });

  it.each(['/nothing', '/IO/delay?ms=1', '/io/delay/?ms=1', '//', '/livez/', '/io'])(
    '%s is NOT_FOUND',
    async (path) => {
      const res = await request(app).get(path).expect(404);
      expect(res.body.code).toBe('NOT_FOUND');
    },
  );

  it.each(['/%', '/io/%ZZ', '/%FF', '/?a=%', '/io/delay?ms=%C3'])('%s is BAD_REQUEST', async (path) => {
    const res = await request(app).get(path).expect(400);
    expect(res.body.code).toBe('BAD_REQUEST');
  });

  it('parameters that a route does not have are INVALID_INPUT', async () => {
    const res = await request(app).get('/?__proto__=1').expect(400);
    expect(res.body).toMatchObject({ code: 'INVALID_INPUT', errors: [{ path: '__proto__' }] });
    await request(app).post('/io/echo?x=1').expect(400);
  });
});

describe('probes', () => {
  it('/livez is 200 as long as the loop turns, /readyz tells the cluster', async () => {
    await request(app).get('/readyz').expect(200, { status: 'ok' });
    const unavailable = ioApp({ readiness: () => 'unavailable' });
    await request(unavailable).get('/livez').expect(200, { status: 'ok' });
    await request(unavailable).get('/readyz').expect(503, { status: 'unavailable' });
  });
});
