// Everybody's jobs, for operators: the list, one job, and that it is to be tried again or cancelled.
import { AppError } from '../../errors.js';
import { queryStringOf } from '../../http/request-target.js';
import type { Job } from '../../jobs/job.js';
import { adminJobView } from '../../jobs/job-view.js';
import { jobsQuery } from '../../jobs/jobs-query.js';
import type { JobStore } from '../../jobs/store.js';
import type { Resource } from './admin-server.js';
import { replyJson } from './reply.js';

/** What is at this path, if it is one of jobs. */
export function jobResource(store: JobStore, path: string): Resource | undefined {
  const [, id, retry] = /^\/jobs(?:\/([^/]{1,200})(\/retry)?)?$/.exec(path) ?? ['', undefined, '?'];
  if (retry === '?') return undefined;
  if (id === undefined) return list(store);
  return retry === undefined ? one(store, id) : again(store, id);
}

function list(store: JobStore): Resource {
  return {
    method: 'GET',
    async answer(exchange) {
      const { jobs, next } = await store.list(jobsQuery(parametersOf(exchange.req.url)));
      replyJson(exchange, 200, { jobs: jobs.map(adminJobView), next: next ?? null });
    },
  };
}

function one(store: JobStore, id: string): Resource {
  return {
    method: 'GET',
    async answer(exchange) {
      replyJson(exchange, 200, adminJobView(known(await store.get(id))));
    },
    async delete({ res }) {
      known(await store.cancel(id));
      res.writeHead(204).end();
    },
  };
}

function again(store: JobStore, id: string): Resource {
  return {
    method: 'POST',
    async answer(exchange) {
      replyJson(exchange, 200, adminJobView(known(await store.retry(id))));
    },
  };
}

function known(job: Job | undefined): Job {
  if (job === undefined) throw new AppError('NOT_FOUND', 'There is no such job, or not any more.');
  return job;
}

/** @throws AppError INVALID_INPUT */
function parametersOf(url = ''): ReadonlyMap<string, string> {
  const all = [...new URLSearchParams(queryStringOf(url) ?? '')];
  const parameters = new Map(all);
  if (parameters.size < all.length)
    throw new AppError('INVALID_INPUT', 'The query parameters do not fit: one is given more than once.');
  return parameters;
}
