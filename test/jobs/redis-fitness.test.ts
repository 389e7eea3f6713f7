import { describe, expect, it } from 'vitest';
import { checkRedisPackages } from '#src/jobs/redis/packages.js';
import { serverFaults } from '#src/jobs/redis/server-check.js';

const info = (more: Record<string, string> = {}): string =>
  Object.entries({
    redis_version: '7.0.15',
    cluster_enabled: '0',
    aof_enabled: '1',
    maxmemory_policy: 'noeviction',
    ...more,
  })
    .map(([name, value]) => `${name}:${value}\r\n`)
    .join('');

describe('a Redis server', () => {
  it('that keeps what it is given is fit for jobs', () => {
    expect(serverFaults(`# Server\r\n${info()}`, false)).toEqual([]);
    expect(serverFaults(info({ redis_version: '6.2.0' }), false)).toEqual([]);
    expect(serverFaults(info({ cluster_enabled: '1' }), true)).toEqual([]);
  });

  it.each([
    [{ aof_enabled: '0' }, 'appendonly no', false],
    [{ maxmemory_policy: 'allkeys-lru' }, 'allkeys-lru', false],
    [{ redis_version: '6.0.16' }, 'too old', true],
    [{ cluster_enabled: '1' }, 'node of a cluster', true],
  ])('is not where it says %o', (more, words, isFatal) => {
    expect(serverFaults(info(more), false)).toEqual([
      { message: expect.stringContaining(words) as unknown, isFatal },
    ]);
  });
});

it('packages that are missing are named with the line that installs them', () => {
  const without = (missing: string) => (name: string) => {
    if (name === missing) throw new Error(name);
    return name;
  };
  expect(() => checkRedisPackages(without('ioredis'))).toThrow(
    'REDIS_URL needs ioredis, which is not installed: npm install bullmq@6 ioredis@5',
  );
  expect(() => checkRedisPackages()).not.toThrow();
});
