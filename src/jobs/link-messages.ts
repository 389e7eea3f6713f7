// What a server process and the embedded store in the primary say to each other, frame by frame. The other side of each:
// store-link.ts (the server process's) and store-service.ts (the primary's).
import { AppError, type ErrorCode, errorTable, type InputIssue } from '../errors.js';
import type { Progress } from '../task.js';
import type { AtOnce } from './at-once.js';
import type { AnswerHead, Job, JobInput, JobProblem } from './job.js';
import type { AddedJob, JobCounts, JobPage, JobQuery, NewJob } from './store.js';

/** An input without its body, which comes with the frame, or in pieces where it is large. */
export type InputHead = Omit<JobInput, 'body'> & { readonly bytes: number };
export type NewJobHead = Omit<NewJob, 'input'> & { readonly input: InputHead };

/** What is asked, and with what it is answered. */
export interface Asks {
  /** A piece of a body that is used by a later word (`upload`). */
  piece: { give: { readonly upload: number }; get: null };
  /** The later word does not come. */
  unpiece: { give: { readonly upload: number }; get: null };
  add: { give: { readonly job: NewJobHead; readonly upload: number | null }; get: AddedJob };
  get: { give: { readonly id: string }; get: Job | null };
  list: { give: { readonly query: JobQuery }; get: JobPage };
  cancel: { give: { readonly id: string }; get: Job | null };
  retry: { give: { readonly id: string }; get: Job | null };
  result: {
    give: { readonly id: string };
    get: { readonly head: AnswerHead; readonly bytes: number } | null;
  };
  /** The next piece of the job's result is the body of the answer. `reader` is a number of the asker's. */
  read: { give: { readonly reader: number; readonly id: string }; get: { readonly done: boolean } };
  unread: { give: { readonly reader: number }; get: null };
  /** `watch` is a number of the asker's. Then every change is told as `changed`. */
  watch: { give: { readonly watch: number; readonly id: string }; get: boolean };
  unwatch: { give: { readonly watch: number }; get: null };
  counts: { give: object; get: JobCounts };
  /** `consumer` is a number of the asker's. Then runs begin with `begin`. */
  consume: {
    give: {
      readonly consumer: number;
      readonly tasks: readonly string[];
      readonly atOnce: AtOnce;
    };
    get: null;
  };
  capacity: { give: { readonly consumer: number; readonly most: number }; get: null };
  unconsume: { give: { readonly consumer: number }; get: null };
  /** A piece of a run's input is the body of the answer. */
  input: { give: { readonly run: number; readonly at: number }; get: null };
  progress: { give: { readonly run: number; readonly progress: Progress }; get: null };
  complete: {
    give: { readonly run: number; readonly head: AnswerHead; readonly upload: number | null };
    get: null;
  };
  fail: {
    give: { readonly run: number; readonly problem: JobProblem; readonly again: boolean };
    get: null;
  };
  giveBack: { give: { readonly run: number }; get: null };
}

export type Verb = keyof Asks;

export type Ask = {
  [V in Verb]: { readonly type: 'ask'; readonly ask: number; readonly verb: V } & Asks[V]['give'];
}[Verb];

export type ToLink =
  | { readonly type: 'answer'; readonly ask: number; readonly value: unknown }
  | { readonly type: 'refusal'; readonly ask: number; readonly error: ToldError }
  | { readonly type: 'changed'; readonly watch: number; readonly job: Job }
  /** With the input as its body, where that is small. */
  | {
      readonly type: 'begin';
      readonly consumer: number;
      readonly run: number;
      readonly job: Job;
      readonly input: InputHead;
    }
  | { readonly type: 'stop'; readonly run: number; readonly reason: string };

/** Bodies up to this size travel with their frame. */
export const smallBytes = 65_536;

export interface ToldError {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly retryAfterSeconds?: number;
  readonly notBegun?: boolean;
  readonly issues?: readonly InputIssue[];
}

export function toldError(thrown: unknown): ToldError {
  if (!(thrown instanceof AppError))
    return { code: 'INTERNAL', detail: thrown instanceof Error ? thrown.message : String(thrown) };
  const { code, message, retryAfterSeconds, notBegun, issues } = thrown;
  return {
    code,
    detail: message,
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    ...(notBegun && { notBegun }),
    ...(issues && { issues }),
  };
}

export function errorOf({ code, detail, ...options }: ToldError): Error {
  return Object.hasOwn(errorTable, code) && code !== 'INTERNAL'
    ? new AppError(code, detail, options)
    : new Error(detail);
}
