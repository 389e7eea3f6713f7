// The primary's store of jobs: embedded in it, with the streams by which its server processes reach it, or on Redis, which
// they reach by themselves. What jobs are and how they are kept is src/jobs.
import { Duplex } from 'node:stream';
import type { Config } from '../config.js';
import { openDiskShelf } from '../jobs/disk-shelf.js';
import { createEmbeddedStore } from '../jobs/embedded-store.js';
import { tableLimits } from '../jobs/job-settings.js';
import type { JobStore } from '../jobs/store.js';
import { serveStore } from '../jobs/store-service.js';
import type { Logger } from '../log.js';

export interface PrimaryJobs {
  /** For operators. */
  readonly store: JobStore;
  /**
   * A server process was forked with this stream. What it runs is tried again when it ends. Undefined: it needs none.
   */
  readonly serve?: (stream: unknown) => void;
  /** All server processes have left. Tells what is lost with this process. */
  close(): Promise<void>;
}

/** @throws ConfigError where JOBS_DIR cannot be used, or the packages for REDIS_URL are missing */
export async function openPrimaryJobs(config: Config, log: Logger): Promise<PrimaryJobs> {
  if (config.redisUrl === undefined) return openEmbedded(config, log);
  // Loaded where it is needed: it would cost every primary memory and time.
  const { openRedisJobs } = await import('../jobs/redis/redis-jobs.js');
  const store = await openRedisJobs(config, log, true);
  return { store, close: () => store.close() };
}

async function openEmbedded(config: Config, log: Logger): Promise<PrimaryJobs> {
  const shelf = config.jobsDir === undefined ? undefined : await openDiskShelf(config.jobsDir);
  const embedded = createEmbeddedStore({
    limits: tableLimits(config),
    ...(shelf && { shelf }),
    onFault: (error) => log.error({ err: error }, 'jobs cannot be kept: they are refused until they can'),
  });
  const store = embedded.join();
  const { waiting } = (await store.counts()).states;
  if (waiting > 0) log.info({ waiting }, 'jobs of an earlier process wait');
  return {
    store,
    serve(stream) {
      if (stream instanceof Duplex) serveStore(stream, embedded.join());
    },
    async close() {
      const { states } = await store.counts();
      const { waiting, running } = states;
      const left = { waiting, running };
      if (waiting + running > 0 && shelf === undefined)
        log.error(left, 'jobs are lost with this process, in whose memory they were');
      else if (waiting + running > 0) log.info(left, 'jobs wait on disk for the next process');
      await embedded.close();
    },
  };
}
