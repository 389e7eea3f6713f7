// A job as clients read it, in JSON.
import { AppError, errorTable } from '../errors.js';
import { problemBody } from '../problem.js';
import type { Job, JobProblem } from './job.js';

export interface JobView {
  readonly id: string;
  readonly task: string;
  readonly state: Job['state'];
  readonly progress: Job['progress'];
  readonly attempts: number;
  /** ISO 8601, as the other times. */
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** Until then its result is kept. */
  readonly expiresAt: string | null;
  /** Why it failed: a problem. */
  readonly error: object | null;
}

export function jobView(job: Job): JobView {
  return {
    id: job.id,
    task: job.task,
    state: job.state,
    progress: job.progress,
    attempts: job.attempts,
    createdAt: isoTime(job.createdAtMs),
    startedAt: job.startedAtMs === null ? null : isoTime(job.startedAtMs),
    endedAt: job.endedAtMs === null ? null : isoTime(job.endedAtMs),
    expiresAt: job.expiresAtMs === null ? null : isoTime(job.expiresAtMs),
    error: job.error === null ? null : problemBody(jobError(job.error), job.requestId ?? job.id),
  };
}

/** For operators: with whose it is. */
export function adminJobView(
  job: Job,
): JobView & { readonly client: string; readonly requestId: string | null } {
  return { ...jobView(job), client: job.client, requestId: job.requestId };
}

/** The error as it met the job: its result is this one's answer. */
export function jobError({ code, detail, issues }: JobProblem): AppError {
  // Another machine may run newer code.
  return new AppError(Object.hasOwn(errorTable, code) ? code : 'TASK_FAILED', detail, {
    ...(issues && { issues }),
  });
}

const isoTime = (ms: number): string => new Date(ms).toISOString();
