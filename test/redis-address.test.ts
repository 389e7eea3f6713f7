import { describe, expect, it } from 'vitest';
import { parseRedisUrl, tellRedis } from '#src/redis-address.js';

describe('REDIS_URL', () => {
  it('names one server, by default at the usual port', () => {
    expect(parseRedisUrl('redis://cache')).toEqual({
      nodes: [{ host: 'cache', port: 6_379 }],
      isCluster: false,
      isTls: false,
      username: undefined,
      password: undefined,
      db: 0,
    });
    expect(parseRedisUrl('rediss://ann:a%40b@[::1]:7000/3')).toEqual({
      nodes: [{ host: '::1', port: 7_000 }],
      isCluster: false,
      isTls: true,
      username: 'ann',
      password: 'a@b',
      db: 3,
    });
  });

  it('names a cluster by several nodes, or says so of one', () => {
    const cluster = parseRedisUrl('redis://:secret@a:7000, b:7001,redis://c');
    expect(cluster).toMatchObject({
      nodes: [
        { host: 'a', port: 7_000 },
        { host: 'b', port: 7_001 },
        { host: 'c', port: 6_379 },
      ],
      isCluster: true,
      password: 'secret',
    });
    expect(parseRedisUrl('redis://a?cluster=true')).toMatchObject({ isCluster: true });
  });

  it.each([
    'cache:6379',
    'http://cache',
    'redis://',
    'redis://a/x',
    'redis://a/1?cluster=true',
    'redis://a,b/1,',
    'redis://a,rediss://b',
    'redis://a?tls=true',
    'redis://a:b:c@d:e',
    'redis://:%E0%A4%A@a',
  ])('is not %s', (text) => {
    expect(parseRedisUrl(text)).toBeUndefined();
  });

  it('is told without the password', () => {
    const address = parseRedisUrl('rediss://ann:secret@a:7000/2');
    expect(address && tellRedis(address)).toBe('rediss://a:7000/2');
  });
});
