// millrace jobs: the running cluster's jobs, as a table for people or as JSON for programs; and one of them shown, tried
// again or cancelled.
import { z } from 'zod';
import { ConfigError, quote } from '../config.js';
import { type AdminAnswer, askAdmin, detailOf, unexpected } from './admin-client.js';
import type { Command } from './command.js';
import { CommandError } from './failure.js';
import { duration, textTable } from './text-table.js';

/** As much of a job as is shown. */
const job = z.object({
  id: z.string(),
  task: z.string(),
  client: z.string(),
  state: z.string(),
  attempts: z.number(),
  progress: z.object({ done: z.number(), note: z.string().optional() }).nullable(),
  createdAt: z.string(),
  startedAt: z.string().nullable(),
  endedAt: z.string().nullable(),
  error: z.object({ code: z.string(), detail: z.string() }).nullable(),
});

const problem = z.object({ errors: z.array(z.object({ path: z.string(), message: z.string() })) });

const page = z.object({ jobs: z.array(job), next: z.string().nullable() });

type Job = z.output<typeof job>;

const mostShown = 100;

/** @throws CommandError where nobody answers, or it cannot be done */
export async function jobs(
  admin: URL,
  { operands: [verb, id], json, state }: Pick<Command, 'operands' | 'json' | 'state'>,
): Promise<string> {
  if (verb === undefined) return list(admin, state, json);
  if (verb !== 'show' && verb !== 'retry' && verb !== 'cancel')
    throw new ConfigError(`jobs does not know ${quote(verb)}; see millrace --help`);
  if (id === undefined) throw new ConfigError(`jobs ${verb} needs the id of a job; see millrace --help`);
  const path = `/jobs/${encodeURIComponent(id)}`;
  switch (verb) {
    case 'show':
      return JSON.stringify(done(admin, await askAdmin(admin, 'GET', path), 200).body, null, 2);
    case 'retry':
      done(admin, await askAdmin(admin, 'POST', `${path}/retry`), 200);
      return `${id} waits again`;
    case 'cancel':
      done(admin, await askAdmin(admin, 'DELETE', path), 204);
      return `${id} is ${stateOf(done(admin, await askAdmin(admin, 'GET', path), 200))}`;
  }
}

async function list(admin: URL, state: string | undefined, json: boolean): Promise<string> {
  const query = new URLSearchParams({ limit: String(mostShown), ...(state !== undefined && { state }) });
  const got = done(admin, await askAdmin(admin, 'GET', `/jobs?${query}`), 200);
  const read = page.safeParse(got.body);
  if (!read.success) throw unexpected(admin, got);
  if (json) return JSON.stringify(got.body, null, 2);
  const { jobs: found, next } = read.data;
  if (found.length === 0) return state === undefined ? 'there are no jobs' : `no job is ${state}`;
  const table = textTable([
    ['JOB', 'TASK', 'CLIENT', 'STATE', 'DONE', 'ATTEMPTS', 'AGE', 'RAN', 'ERROR'],
    ...found.map(row),
  ]);
  return next === null ? table : `${table}\n\nThese are the newest ${mostShown}; there are more.`;
}

function row(one: Job): (string | number)[] {
  const nowMs = Date.now();
  const startedMs = one.startedAt === null ? undefined : Date.parse(one.startedAt);
  const endedMs = one.endedAt === null ? nowMs : Date.parse(one.endedAt);
  return [
    one.id,
    one.task,
    one.client,
    one.state,
    one.progress === null ? '-' : `${Math.round(one.progress.done * 100)} %`,
    one.attempts,
    duration(Math.max(0, nowMs - Date.parse(one.createdAt))),
    startedMs === undefined ? '-' : duration(Math.max(0, endedMs - startedMs)),
    one.error === null ? '' : `${one.error.code}: ${one.error.detail}`,
  ];
}

/** One that had ended stays as it was. */
function stateOf({ body }: AdminAnswer): string {
  const read = job.safeParse(body);
  return read.success ? read.data.state : 'cancelled';
}

function done(admin: URL, got: AdminAnswer, status: number): AdminAnswer {
  if (got.status === status) return got;
  const detail = detailOf(got);
  const issues = problem.safeParse(got.body).data?.errors ?? [];
  const why = detail && [detail, ...issues.map(({ path, message }) => `${path}: ${message}`)].join(' ');
  if (got.status >= 400 && got.status < 500 && why !== undefined) throw new CommandError(why);
  throw unexpected(admin, got);
}
