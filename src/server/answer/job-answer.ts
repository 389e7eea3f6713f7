// The answer of a job, as the task's own route would give it, sent piece by piece as the client takes it.
import { once } from 'node:events';
import type { Request, Response } from 'express';
import { AppError } from '../../errors.js';
import { hasEnded, type Job } from '../../jobs/job.js';
import { jobError } from '../../jobs/job-view.js';
import type { JobStore } from '../../jobs/store.js';
import { isBodiless } from '../../tasks/reply-head.js';
import { setHead } from './call-answer.js';

/** @throws AppError NOT_READY, GONE, or the job's own error */
export async function answerResult(store: JobStore, job: Job, req: Request, res: Response): Promise<void> {
  if (!hasEnded(job))
    throw new AppError('NOT_READY', `The job is ${job.state}.`, { headers: { 'Retry-After': '1' } });
  if (job.state === 'cancelled') throw new AppError('GONE', 'The job was cancelled.');
  if (job.isExpired) throw new AppError('GONE', 'The result of the job is kept no longer.');
  if (job.error !== null) {
    // It was told when the job failed.
    req.exchange.told = true;
    throw jobError(job.error);
  }
  const result = await store.result(job.id);
  if (result === undefined) throw new AppError('GONE', 'The result of the job is kept no longer.');
  const { head, bytes, body } = result;
  setHead(res, head);
  const hasNone = isBodiless(res.statusCode);
  if (!hasNone) res.setHeader('Content-Length', bytes);
  if (hasNone || req.method === 'HEAD') {
    res.end();
    return;
  }
  const left = new AbortController();
  res.once('close', () => left.abort());
  try {
    for await (const piece of body) {
      if (res.destroyed) return;
      if (!res.write(piece)) await once(res, 'drain', { signal: left.signal }).catch(() => undefined);
    }
    res.end();
  } catch (error) {
    // What has begun cannot become another answer.
    if (!res.destroyed) res.destroy();
    throw error;
  }
}
