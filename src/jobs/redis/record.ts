// A job's record as Redis tells it (scripts.ts), and what of it is written as it is added.
import type { AnswerHead, Job, JobInput, JobProblem, JobState } from '../job.js';
import { jobStates } from '../job.js';
import type { NewJob } from '../store.js';
import { recordFields } from './scripts.js';

export interface JobRecord {
  readonly job: Job;
  /** Which run it is in, or was. */
  readonly run: number;
  readonly input: InputHead;
  readonly head: AnswerHead | undefined;
  readonly resultBytes: number;
  /** `ID:RUN` of whose result it has, where nothing of it ran. */
  readonly resultOf: string | undefined;
}

type InputHead = Omit<JobInput, 'body'> & { readonly bytes: number };
type Info = Pick<Job, 'id' | 'task' | 'client' | 'requestId' | 'traceId' | 'timeoutMs'>;

export function infoOf({ id, task, client, requestId, traceId, timeoutMs }: NewJob): string {
  const info: Info = { id, task, client, requestId, traceId, timeoutMs };
  return JSON.stringify(info);
}

export function inputHeadOf({ kind, contentType, query, body }: JobInput): string {
  const head: InputHead = { kind, contentType, query, bytes: body.length };
  return JSON.stringify(head);
}

/** Undefined: there is none. */
export function recordOf(reply: unknown): JobRecord | undefined {
  if (!Array.isArray(reply)) return undefined;
  const values: readonly unknown[] = reply;
  const text = (name: (typeof recordFields)[number]): string =>
    String(values[recordFields.indexOf(name)] ?? '');
  const number = (name: (typeof recordFields)[number]): number | null =>
    text(name) === '' ? null : Number(text(name));
  const nowMs = Number(values[recordFields.length]);
  const info: Info = JSON.parse(text('info'));
  const progress: Job['progress'] = parsed(text('progress'));
  const error: JobProblem | null = parsed(text('error'));
  const input: InputHead = JSON.parse(text('input'));
  const head: AnswerHead | null = parsed(text('head'));
  const expiresAtMs = number('expiresAt');
  return {
    job: {
      ...info,
      state: stateOf(text('state')),
      progress,
      attempts: Number(text('attempts')),
      createdAtMs: number('createdAt') ?? 0,
      startedAtMs: number('startedAt'),
      endedAtMs: number('endedAt'),
      expiresAtMs,
      isExpired: expiresAtMs !== null && nowMs >= expiresAtMs,
      error,
      seq: { state: Number(text('seqState')), progress: Number(text('seqProgress')) },
    },
    run: Number(text('run')),
    input,
    head: head ?? undefined,
    resultBytes: Number(text('bytes')),
    resultOf: text('result') || undefined,
  };
}

const parsed = (text: string) => (text === '' ? null : JSON.parse(text));

function stateOf(text: string): JobState {
  const state = jobStates.find((one) => one === text);
  if (state === undefined) throw new Error(`Redis holds a job in the state ${JSON.stringify(text)}.`);
  return state;
}
