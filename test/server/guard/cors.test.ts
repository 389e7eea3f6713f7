import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { ioApp, testConfig } from '../../support/app.js';

const page = 'https://app.example.com';
const appFor = (CORS_ORIGINS: string) => ioApp({ config: testConfig({ CORS_ORIGINS }) });
const corsHeaders = (headers: Record<string, string>) =>
  Object.keys(headers).filter((name) => name.startsWith('access-control-'));

describe('without CORS_ORIGINS', () => {
  it('no answer has a CORS header', async () => {
    const { headers } = await request(appFor('')).get('/').set('Origin', page);
    expect(corsHeaders(headers)).toEqual([]);
    expect(headers.vary).toBeUndefined();
  });
});

describe('with a list of CORS_ORIGINS', () => {
  const app = appFor(`HTTPS://App.Example.com:443 , http://localhost:5173, http://[::1]:80`);

  it.each([page, 'http://localhost:5173', 'http://[::1]'])('%s may read the answer', async (origin) => {
    const { headers } = await request(app).get('/').set('Origin', origin).expect(200);
    expect(headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers':
        'X-Request-Id, Server-Timing, Retry-After, RateLimit, RateLimit-Policy, Location, Preference-Applied',
      vary: 'Origin',
    });
  });

  it('a problem may be read, too', async () => {
    const { headers } = await request(app).get('/nothing').set('Origin', page).expect(404);
    expect(headers['access-control-allow-origin']).toBe(page);
  });

  it.each([
    `${page}.evil.example`,
    'http://app.example.com',
    `${page}:8443`,
    'null',
    'https://APP.example.com',
    '*',
  ])('%s may not, and caches are told that it depends', async (origin) => {
    const { headers } = await request(app).get('/').set('Origin', origin).expect(200);
    expect(corsHeaders(headers)).toEqual([]);
    expect(headers.vary).toBe('Origin');
  });

  it('a preflight is 204 and says what may be asked', async () => {
    const { headers } = await request(app)
      .options('/io/echo')
      .set({
        Origin: page,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'x-api-key',
      })
      .expect(204);
    expect(headers['access-control-allow-origin']).toBe(page);
    expect(headers['access-control-allow-methods']).toBe('GET, HEAD, POST, DELETE');
    expect(headers['access-control-allow-headers']).toMatch(/Authorization, Content-Type, .*X-Api-Key/);
    expect(Number(headers['access-control-max-age'])).toBeGreaterThan(0);
    expect(headers.vary).toBe('Origin');
  });

  it('a preflight of another origin is told nothing', async () => {
    const { headers } = await request(app)
      .options('/io/echo')
      .set({ Origin: 'https://evil.example', 'Access-Control-Request-Method': 'POST' })
      .expect(204);
    expect(corsHeaders(headers)).toEqual([]);
  });
});

describe('with CORS_ORIGINS=*', () => {
  it('anybody may read, without credentials', async () => {
    const { headers } = await request(appFor('*')).get('/').set('Origin', 'https://any.example').expect(200);
    expect(headers['access-control-allow-origin']).toBe('*');
    expect(headers['access-control-allow-credentials']).toBeUndefined();
  });
});

describe('a setting of CORS_ORIGINS', () => {
  it.each([
    'app.example.com',
    `${page}/`,
    `${page}/path`,
    '*, https://a.example',
    'https://*.example.com',
    'null',
    `${page},`,
  ])('that is %j is refused', (CORS_ORIGINS) => {
    expect(() => testConfig({ CORS_ORIGINS })).toThrow('CORS_ORIGINS must be');
  });
});
