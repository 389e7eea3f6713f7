// What a job is: a call that outlives its request. Its states, what is told of it, and the parts it consists of. Where
// jobs are kept is for a store to say (store.ts).
import { randomBytes } from 'node:crypto';
import type { ErrorCode, InputIssue } from '../errors.js';
import type { CallResult } from '../lane/call.js';
import type { Progress } from '../task.js';

/** The last three are ends: a job does not leave them, but that an operator may have a failed one tried again. */
export const jobStates = ['waiting', 'running', 'completed', 'failed', 'cancelled'] as const;
export type JobState = (typeof jobStates)[number];

export const hasEnded = ({ state }: Pick<Job, 'state'>): boolean =>
  state !== 'waiting' && state !== 'running';

/** Why a job failed: what a problem's body is made from. */
export interface JobProblem {
  readonly code: ErrorCode;
  readonly detail: string;
  readonly issues?: readonly InputIssue[];
}

/** A job as it is told: small, whatever its input and result are. Times are epoch ms, for people. */
export interface Job {
  readonly id: string;
  readonly task: string;
  /** Whose it is: a key's name or an address. */
  readonly client: string;
  /** Of the request that asked for it, for the log; null: a program did. */
  readonly requestId: string | null;
  readonly traceId: string | null;
  /** Longest run, in ms, where the caller set one. */
  readonly timeoutMs: number | null;
  readonly state: JobState;
  readonly progress: Progress | null;
  /** Runs that began and were not given back. */
  readonly attempts: number;
  readonly createdAtMs: number;
  /** Of the last run. */
  readonly startedAtMs: number | null;
  readonly endedAtMs: number | null;
  /** Its result is kept until then. */
  readonly expiresAtMs: number | null;
  /** Its result is kept no longer. */
  readonly isExpired: boolean;
  readonly error: JobProblem | null;
  /**
   * Rises with every change, and is the same in every process: `state` is that of the last change of state, `progress`
   * that of the last progress.
   */
  readonly seq: { readonly state: number; readonly progress: number };
}

/**
 * What a job works on, as it was given: it is validated when it is accepted and again when it runs, perhaps by newer code.
 * `json`: a JSON body. `bytes`: a body for the task's `fromBytes`. `value`: what a program gave, by v8.serialize.
 */
export interface JobInput {
  readonly kind: 'json' | 'bytes' | 'value';
  readonly contentType: string;
  readonly query: Readonly<Record<string, string>>;
  /** In a buffer of its own: whoever gets it may move it to a thread. */
  readonly body: Uint8Array<ArrayBuffer>;
}

/** A job's answer but for its body: as the task's route would give it. */
export type AnswerHead = Omit<CallResult, 'body' | 'stream'>;

/** Of a job that has the result of another one: it waited, and nothing of it ran. */
export const sharedHead = (head: AnswerHead, { createdAtMs, endedAtMs }: Job): AnswerHead => ({
  ...head,
  lane: 'shared',
  queueMs: Math.max(0, (endedAtMs ?? createdAtMs) - createdAtMs),
  runMs: 0,
});

/** How many jobs may follow one: they end with it, all at once. Further ones have another run. */
export const mostFollowers = 1_000;

/** 128 random bits. Not all digits, and no `:`, neither of which BullMQ takes; no `-` in front, for command lines. */
export const newJobId = (): string => `j${randomBytes(16).toString('hex')}`;
