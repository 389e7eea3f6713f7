// The contract of a place where jobs are kept, as one server process sees it: the routes' side (add, get, list, cancel …)
// and the runner's (consume). Every store passes the tests of test/jobs/contract.ts. One guarantee: a job that `add` has
// acknowledged runs at least once and ends, and its result is kept for JOB_TTL_S.
import { AppError } from '../errors.js';
import type { Progress } from '../task.js';
import type { AtOnce } from './at-once.js';
import type { AnswerHead, Job, JobInput, JobProblem, JobState } from './job.js';

/** What a store is to keep to. */
export interface JobLimits {
  /** Jobs that may wait (JOBS_MAX). */
  readonly mostWaiting: number;
  /** How long an ended job's result is kept (JOB_TTL_S). */
  readonly keepMs: number;
  /** Runs that may be lost with their thread or process before a job fails (JOB_ATTEMPTS). */
  readonly attempts: number;
}

export interface NewJob {
  /** By newJobId(). */
  readonly id: string;
  readonly task: string;
  readonly client: string;
  readonly requestId: string | null;
  readonly traceId: string | null;
  readonly timeoutMs: number | null;
  /** The same key of the same client for the same task is the same job, while that is kept. */
  readonly idempotency: { readonly key: string; readonly fingerprint: string } | null;
  /** By what identical jobs are known, which have one run; null: it has its own. */
  readonly share: JobShare | null;
  readonly input: JobInput;
}

/**
 * A job follows an identical one that waits or runs, and ends as that does; or it has the result of one that has completed
 * in the last `ttlMs`. Where the one that it follows is cancelled, the first of its followers takes its place.
 */
export interface JobShare {
  readonly key: string;
  readonly ttlMs: number;
}

export interface AddedJob {
  readonly job: Job;
  /** False: the idempotency key was known, and this is its job. */
  readonly isNew: boolean;
  /** It follows an identical job, or has the result of one. */
  readonly isShared: boolean;
}

export interface JobQuery {
  /** Undefined: everybody's. */
  readonly client?: string | undefined;
  readonly state?: JobState | undefined;
  readonly limit: number;
  /** A page's `next`. What is no cursor of this store is an empty page. */
  readonly cursor?: string | undefined;
}

export interface JobPage {
  /** Newest first; those that have expired are not listed. */
  readonly jobs: readonly Job[];
  /** Where the next page begins; undefined: this was the last one. There may be less than `limit` jobs in front of it. */
  readonly next: string | undefined;
}

export interface JobResult {
  readonly head: AnswerHead;
  readonly bytes: number;
  /** In pieces of at most 1 MiB. Rejects where the job expires meanwhile. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface JobCounts {
  /** Those that are kept, by state. */
  readonly states: Readonly<Record<JobState, number>>;
  /** Age of the job that waits longest, in ms; 0: none waits. */
  readonly oldestMs: number;
  /** Runs that began again because the one before was lost, since the store was opened. */
  readonly reruns: number;
}

export interface JobStore {
  /**
   * Resolves when the job is kept as safely as this store keeps any.
   * @throws AppError IDEMPOTENCY_MISMATCH; OVERLOADED where too many wait, or the store is away
   */
  add(job: NewJob): Promise<AddedJob>;
  /** Undefined: there is no such job (any more). */
  get(id: string): Promise<Job | undefined>;
  list(query: JobQuery): Promise<JobPage>;
  /**
   * A waiting job never runs; the signal of a running one is aborted, wherever it runs. One that has ended stays as it
   * is. Resolves with the job as it is then: cancelled or ended.
   */
  cancel(id: string): Promise<Job | undefined>;
  /**
   * A failed job waits again, with all its attempts.
   * @throws AppError CONFLICT where it has not failed, or its input is kept no longer
   */
  retry(id: string): Promise<Job | undefined>;
  /** Undefined: there is none (yet, or any more). */
  result(id: string): Promise<JobResult | undefined>;
  /**
   * Tells how the job is now, and then after every change, in order; changes that come at once may be told as one.
   * Undefined: there is no such job.
   */
  watch(id: string, onChange: (job: Job) => void): Promise<JobWatch | undefined>;
  counts(): Promise<JobCounts>;
  /**
   * This process runs jobs of these tasks, and leaves others to others.
   * @param begin must not throw, and ends every run by one of its verbs
   * @param atOnce how many jobs of a task may be here at a time, where it has such a limit: others take their places
   */
  consume(tasks: readonly string[], begin: (run: JobRun) => void, atOnce?: AtOnce): JobConsumer;
  /** Releases what it holds. What this process was running counts as lost, and is tried again elsewhere. */
  close(): Promise<void>;
}

export interface JobWatch {
  close(): void;
}

export interface JobConsumer {
  /** How many jobs this process may have at once from now on, 0 at first; those that it has stay. */
  capacity(most: number): void;
  /** It gets no further jobs; those that it has may end. Resolves once none can be on its way. */
  close(): Promise<void>;
}

/**
 * One run of a job. It ends by one of the verbs, the first one counts; each resolves once the store has it, and does
 * nothing where the job is no longer this run's (it was cancelled, or taken for lost).
 */
export interface JobRun {
  /** As it was when the run began: `attempts` counts this one. */
  readonly job: Job;
  readonly input: JobInput;
  /** Aborted once the job is no longer this run's: `cancelled` or `lost` as its reason. The run is to stop and to end. */
  readonly signal: AbortSignal;
  progress(progress: Progress): void;
  /** @throws AppError where the result cannot be kept: then the run has not ended */
  complete(head: AnswerHead, body: AsyncIterable<Uint8Array> | Uint8Array): Promise<void>;
  /** @param again it was no fault of the job's: it waits again, while it has attempts left */
  fail(problem: JobProblem, again: boolean): Promise<void>;
  /** It waits again, in its old place, and this run was no attempt. */
  giveBack(): Promise<void>;
}

export const tooManyJobs = (retryAfterSeconds: number): AppError =>
  new AppError('OVERLOADED', 'Too many jobs are kept or waiting; try again later.', {
    retryAfterSeconds,
    notBegun: true,
  });

/** For a body that comes in pieces, where the next one is too much. */
export const noRoomLeft = (retryAfterSeconds: number): AppError =>
  new AppError('OVERLOADED', 'There is no room left for the inputs and results of jobs.', {
    retryAfterSeconds,
    notBegun: true,
  });

export const storeAway = (cause?: unknown): AppError =>
  new AppError('OVERLOADED', 'Jobs can be neither taken nor looked up now; try again later.', {
    retryAfterSeconds: 5,
    cause,
  });

export const idempotencyMismatch = (): AppError =>
  new AppError('IDEMPOTENCY_MISMATCH', 'This Idempotency-Key was used before, with another request.');

export const notFailed = (): AppError => new AppError('CONFLICT', 'Only a failed job can be tried again.');

/** Of a job whose process was lost for the last time. */
export const lostTooOften: JobProblem = {
  code: 'THREAD_LOST',
  detail: 'The process that ran this job was lost, each time it was tried.',
};
