// The two packages that jobs on Redis need, which are installed by whoever wants that: loaded here alone, and only then.
import { ConfigError } from '../../config.js';

type BullMq = typeof import('bullmq');
type IoRedis = Pick<typeof import('ioredis'), 'Cluster' | 'Redis'>;

export interface RedisPackages {
  readonly bullmq: BullMq;
  readonly ioredis: IoRedis;
}

const names = ['bullmq', 'ioredis'] as const;

/** Found without being loaded. @throws ConfigError that says what is to be done */
export function checkRedisPackages(resolve: (name: string) => string = import.meta.resolve): void {
  const missing = names.filter((name) => !isThere(name, resolve));
  if (missing.length === 0) return;
  throw new ConfigError(
    `REDIS_URL needs ${missing.join(' and ')}, which ${missing.length === 1 ? 'is' : 'are'} not installed: npm install ${names.map((name) => `${name}@${versions[name]}`).join(' ')}`,
  );
}

/** As the peer dependencies say. */
const versions = { bullmq: '6', ioredis: '5' };

function isThere(name: string, resolve: (name: string) => string): boolean {
  try {
    resolve(name);
    return true;
  } catch {
    return false;
  }
}

/** @throws ConfigError where one is missing */
export async function loadRedisPackages(): Promise<RedisPackages> {
  checkRedisPackages();
  const [bullmq, ioredis] = await Promise.all([import('bullmq'), import('ioredis')]);
  return { bullmq, ioredis };
}
