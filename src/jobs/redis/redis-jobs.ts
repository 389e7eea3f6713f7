// The store on Redis as the settings say, and what is logged of it.
import { type Config, ConfigError } from '../../config.js';
import type { Logger } from '../../log.js';
import { tellRedis } from '../../redis-address.js';
import { tableLimits } from '../job-settings.js';
import type { JobStore } from '../store.js';
import { openRedisStore } from './redis-store.js';

export type RedisSettings = Pick<
  Config,
  'redisUrl' | 'redisPrefix' | 'jobsMax' | 'jobsMaxBytes' | 'jobTtlS' | 'jobAttempts'
>;

/**
 * @param tellsFitness what is wrong with a Redis itself is said by one process for all
 * @throws ConfigError where the packages are missing, or REDIS_URL is
 */
export async function openRedisJobs(
  config: RedisSettings,
  log: Logger,
  tellsFitness: boolean,
): Promise<JobStore> {
  const { redisUrl: address, redisPrefix: prefix } = config;
  if (address === undefined) throw new ConfigError('REDIS_URL must be set for jobs on Redis');
  const redis = tellRedis(address);
  return openRedisStore({
    address,
    prefix,
    limits: tableLimits(config),
    events: {
      away: ({ message }) =>
        log.warn({ redis, reason: message }, 'Redis is away: jobs are refused until it answers, calls go on'),
      back: () => log.info({ redis }, 'Redis answers'),
      unfit: (message) => {
        if (tellsFitness) log.warn({ redis }, message);
      },
      fault: (error) => log.error({ err: error, redis }, 'a fault of the jobs on Redis'),
    },
  });
}
