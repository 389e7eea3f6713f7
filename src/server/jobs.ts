// The jobs' part of a server process: its store, what runs them here, and how both end. Without a store that is shared it
// keeps jobs by itself: then it is the only process there is (a test's server).
import type { ServerConfig } from '../config.js';
import { createEmbeddedStore } from '../jobs/embedded-store.js';
import { tableLimits } from '../jobs/job-settings.js';
import { type JobRunner, type JobRunRecord, startJobRunner } from '../jobs/runner.js';
import type { JobStore } from '../jobs/store.js';
import type { Lane } from '../lane/call.js';
import type { Logger } from '../log.js';
import type { Task } from '../tasks/registry.js';
import { type Closers, createClosers } from './closers.js';

export interface ServerJobsDeps {
  readonly config: ServerConfig;
  /** Default: one of its own, in memory. */
  readonly store?: JobStore | undefined;
  readonly lane: Lane;
  readonly tasks: readonly Task[];
  readonly log: Logger;
  readonly onRun?: ((record: JobRunRecord) => void) | undefined;
  /** A job was added that follows an identical one, or has its result. */
  readonly onShared?: ((task: string) => void) | undefined;
}

export interface ServerJobs {
  readonly store: JobStore;
  /** What waits for a job to change. */
  readonly closers: Closers;
  /** Begins to run jobs. */
  start(): void;
  /** Takes no further jobs, and sends those away that wait for one to change. */
  leave(): Promise<void>;
  /** Jobs that run here. */
  readonly running: number;
  /** What still runs is put back for others. */
  giveBack(): Promise<void>;
  close(): Promise<void>;
}

/** Undefined where JOBS is off. */
export function openServerJobs(deps: ServerJobsDeps): ServerJobs | undefined {
  const { config, lane, tasks, log, onRun, onShared } = deps;
  if (config.jobs === 'off') return undefined;
  const own = deps.store === undefined ? createEmbeddedStore({ limits: tableLimits(config) }) : undefined;
  const store = deps.store ?? own?.join();
  if (store === undefined) return undefined;
  const closers = createClosers();
  let runner: JobRunner | undefined;

  return {
    store: {
      ...store,
      async add(job) {
        const added = await store.add(job);
        if (added.isShared) onShared?.(job.task);
        return added;
      },
    },
    closers,
    start() {
      runner = startJobRunner({ store, lane, tasks, log, onRun });
    },
    async leave() {
      closers.closeAll();
      await runner?.stop();
    },
    get running() {
      return runner?.size ?? 0;
    },
    async giveBack() {
      await runner?.giveBack();
    },
    async close() {
      await store.close();
      await own?.close();
    },
  };
}
