// The routes of jobs: one's state, result and events, its end, and the list of the caller's own. How a call becomes a job
// is job-acceptance.ts.
import type { Request, RequestHandler, Router } from 'express';
import { expectation } from '../../http/expectation.js';
import type { Job } from '../../jobs/job.js';
import { jobView } from '../../jobs/job-view.js';
import { jobsQuery } from '../../jobs/jobs-query.js';
import { answerJson } from '../answer/answer.js';
import { answerResult } from '../answer/job-answer.js';
import { answerEvents } from '../answer/job-events.js';
import type { Check } from '../answer/preconditions.js';
import { nothingAt } from '../answer/problem.js';
import type { FixedPaths } from '../answer/resource.js';
import { clientOf } from '../request/client.js';
import { noQuery, queryOf } from '../request/query.js';
import type { JobsDeps } from './job-acceptance.js';

/** @param guard who may ask: where that is asked, a client sees its own jobs only; else whoever knows a job's id does */
export function addJobs(app: Router, paths: FixedPaths, jobs: JobsDeps, guard: readonly Check[]): void {
  const { store } = jobs;
  const checks = [...guard, expectation];

  async function jobOf(req: Request): Promise<Job> {
    const job = await store.get(String(req.params.id));
    if (job === undefined || (guard.length > 0 && job.client !== clientOf(req))) throw nothingAt(req);
    return job;
  }

  const list: RequestHandler = async (req, res) => {
    const query = jobsQuery(queryOf(req));
    const page = await store.list({ ...query, client: clientOf(req) });
    res.setHeader('Cache-Control', 'no-store');
    answerJson(res, 200, { jobs: page.jobs.map(jobView), next: page.next ?? null });
  };
  const show: RequestHandler = async (req, res) => {
    noQuery(req);
    const job = await jobOf(req);
    res.setHeader('Cache-Control', 'no-store');
    answerJson(res, 200, jobView(job));
  };
  const cancel: RequestHandler = async (req, res) => {
    noQuery(req);
    const { id } = await jobOf(req);
    await store.cancel(id);
    res.statusCode = 204;
    res.end();
  };
  const result: RequestHandler = async (req, res) => {
    noQuery(req);
    await answerResult(store, await jobOf(req), req, res);
  };
  const events: RequestHandler = async (req, res) => {
    noQuery(req);
    await answerEvents(jobs, await jobOf(req), req, res);
  };
  paths.add('/jobs', { get: { checks, answer: list } });
  app.all('/jobs/:id', paths.resource({ get: { checks, answer: show }, delete: { checks, answer: cancel } }));
  app.all('/jobs/:id/result', paths.resource({ get: { checks, answer: result } }));
  app.all('/jobs/:id/events', paths.resource({ get: { checks, answer: events } }));
}

/** Names of tasks whose routes would be those of jobs. */
export const isJobsTask = (name: string): boolean => /^jobs(\.|$)/.test(name);
