// Who may speak to the admin server.
import { describe, expect, it } from 'vitest';
import { createGuard } from '#src/primary/admin/guard.js';

const guard = createGuard(['10.1.2.3', 'Ops.example']);
const own = { host: '127.0.0.1:3001' };

describe('a request is let in', () => {
  it.each([
    ['by a loopback address', '/', { host: '127.0.0.1:3001' }],
    ['by any address of the loopback network', '/', { host: '127.8.9.1' }],
    ['by localhost, in any case', '/', { host: 'LocalHost:3001' }],
    ['by the IPv6 loopback address', '/', { host: '[::1]:3001' }],
    ['by ADMIN_HOST', '/', { host: '10.1.2.3:3001' }],
    ['by a name in ADMIN_ALLOWED_HOSTS', '/reload', { host: 'ops.example' }],
    [
      'by its own page',
      '/reload',
      { ...own, origin: 'http://127.0.0.1:3001', 'sec-fetch-site': 'same-origin' },
    ],
    ['by its own page behind TLS', '/reload', { host: 'ops.example', origin: 'https://ops.example' }],
    ['typed into a browser', '/', { ...own, 'sec-fetch-site': 'none', 'accept-language': 'en' }],
    ['to scrape by any name', '/metrics', { host: 'node-7.internal:3001', 'user-agent': 'Prometheus/3.5' }],
    ['to scrape without a name', '/status', {}],
  ])('%s', (_title, path, headers) => {
    expect(guard.refusal(path, headers)).toBeUndefined();
  });
});

describe('a request is refused', () => {
  it.each([
    ['by a foreign name', '/', { host: 'evil.example:3001' }],
    ['without a name', '/', {}],
    ['by a name that only begins like loopback', '/', { host: '127.0.0.1.evil.example' }],
    ['by a name that only ends like an allowed one', '/', { host: 'evil.ops.example' }],
    ['by user information in front', '/', { host: 'localhost@evil.example' }],
    ['to reload by a foreign name', '/reload', { host: 'evil.example' }],
    ['from a foreign origin', '/reload', { ...own, origin: 'http://evil.example' }],
    ['from an opaque origin', '/reload', { ...own, origin: 'null' }],
    ['from another port of this host', '/reload', { ...own, origin: 'http://127.0.0.1:8080' }],
    ['from another site', '/events', { ...own, 'sec-fetch-site': 'cross-site' }],
    ['from another origin of this site', '/status', { ...own, 'sec-fetch-site': 'same-site' }],
    ['from a foreign origin even to scrape', '/metrics', { ...own, origin: 'http://evil.example' }],
    ['of a browser by a rebound name', '/status', { host: 'rebound.example', 'accept-language': 'en' }],
    [
      'of a browser by its own account',
      '/metrics',
      { host: 'rebound.example', 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36' },
    ],
    ['of a rebound page', '/metrics', { host: 'rebound.example', 'sec-fetch-site': 'same-origin' }],
    [
      'of a rebound page that posts',
      '/status',
      { host: 'rebound.example', origin: 'http://rebound.example' },
    ],
  ])('%s', (_title, path, headers) => {
    expect(guard.refusal(path, headers)).toBeTypeOf('string');
  });
});
