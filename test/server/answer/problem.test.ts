import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { ioApp } from '../../support/app.js';

const app = ioApp();

describe('every answer', () => {
  it('carries the caller’s request id where it is sound, else a new one', async () => {
    const own = await request(app).get('/').set('X-Request-Id', 'a.B-9_');
    expect(own.headers['x-request-id']).toBe('a.B-9_');
    const seen = new Set<unknown>();
    for (const bad of ['', 'a b', 'a,b', 'x'.repeat(129), 'é']) {
      const res = await request(app).get('/').set('X-Request-Id', bad);
      expect(res.headers['x-request-id']).toMatch(/^[\w.-]{1,128}$/);
      seen.add(res.headers['x-request-id']);
    }
    expect(seen.size).toBe(5);
  });

  it('tells nothing of what made it', async () => {
    const res = await request(app).get('/');
    expect(res.headers).not.toHaveProperty('x-powered-by');
    expect(res.headers).not.toHaveProperty('etag');
  });
});

describe('a problem', () => {
  it('has the form of RFC 9457', async () => {
    const res = await request(app).get('/nothing?secret=1').set('X-Request-Id', 'me').expect(404);
    expect(res.headers['content-type']).toBe('application/problem+json');
    expect(JSON.parse(res.text)).toEqual({
      type: 'about:blank',
      title: 'Not found',
      status: 404,
      detail: 'There is nothing at /nothing.',
      code: 'NOT_FOUND',
      requestId: 'me',
    });
  });
});
