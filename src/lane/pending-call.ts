// A call on its way through the thread lane: what it is, where it stands, and its answer.
import { AppError, refusalForLoad } from '../errors.js';
import type { Task } from '../tasks/registry.js';
import type { Alarm } from './alarm.js';
import type { CallInput, CallOptions, CallResult } from './call.js';
import type { OpenStream } from './call-stream.js';
import type { CallProfile } from './cost/profile.js';
import type { CallListener } from './lane-call.js';

/** In the queue, or in a message on a thread (which may still be busy with it after the caller has its answer). */
export type CallState =
  | { readonly at: 'queue' }
  | { readonly at: 'thread'; readonly row: number; readonly index: number; readonly sentMs: number };

/** What lets a call wait and run, from the waiting room; whoever ends the call gives it back there. */
export interface Ticket {
  readonly client: string;
  /** In µs. */
  readonly estimateUs: number;
  /** What fair-order.ts gave it. */
  readonly tag: number;
  readonly key: number;
  /** Arrival, to break ties. */
  readonly seq: number;
  /** Behind all others, and not counted among them. */
  readonly isJob: boolean;
  /** What it was estimated to wait, in µs; 0 where that was too little to be reckoned. */
  readonly expectedWaitUs: number;
  /** The task's, where it may have only so many threads. */
  readonly gate: string | undefined;
  /** It has passed that. */
  hasPlace: boolean;
  isBack: boolean;
}

export interface PendingCall {
  readonly ticket: Ticket;
  /** The ticket's, by which it stands in a queue. */
  readonly key: number;
  readonly seq: number;
  readonly task: Task;
  readonly input: CallInput;
  readonly options: CallOptions;
  readonly profile: CallProfile;
  readonly listener: CallListener;
  readonly arrivedMs: number;
  /** As it was when the call arrived, in µs. */
  readonly estimateUs: number;
  /** May share a message; false after its message could not be posted, or was lost. */
  batchable: boolean;
  /** Messages it was in that were lost before anything in them began. */
  attempts: number;
  state: CallState;
  /** The caller has its answer (or has left). */
  answered: boolean;
  alarm: Alarm | undefined;
  /** Once its first chunk is there: then it is its caller's answer, which ends with it. */
  stream: OpenStream | undefined;
  readonly resolve: (result: CallResult) => void;
  readonly reject: (error: Error) => void;
}

/** The server's limit, or the task's own where that is shorter, in ms. */
export const longestRunMs = ({ definition }: Task, taskTimeoutMs: number): number =>
  Math.min(taskTimeoutMs, definition.limits?.runMs ?? Number.POSITIVE_INFINITY);

/** Of a call whose own deadline is later, if it has one. */
export const runLimitError = (): AppError =>
  new AppError('DEADLINE_EXCEEDED', 'The call was stopped at its time limit.');

export const threadLostError = (cause: unknown): AppError =>
  new AppError('THREAD_LOST', 'The thread that ran this call ended before it answered.', { cause });

export const noThreadError = (): AppError =>
  refusalForLoad('OVERLOADED', 'No thread is there to run this call; try again later.', {
    retryAfterSeconds: 1,
    notBegun: true,
  });
