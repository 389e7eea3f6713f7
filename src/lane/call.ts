// The seam between the server and the CPU lane: what a call is given and what it answers, and nothing more.
import type { ServerStatus, TaskCounts } from '../messages.js';
import type { Progress } from '../task.js';
import type { Chunk } from '../tasks/chunks.js';
import type { Task } from '../tasks/registry.js';
import type { ReplyHead } from '../tasks/reply-head.js';
import type { TraceCarrier } from '../tracing.js';

/**
 * What a call works on: a value that has been validated, or the bytes of a JSON body that is too large to parse on
 * the event loop and is parsed and validated in the thread. Byte arrays inside are moved, not copied: whoever calls
 * gives them away, unless `keep` says otherwise.
 */
export type CallInput =
  | { readonly type: 'value'; readonly value: unknown; readonly keep?: boolean }
  | { readonly type: 'json'; readonly bytes: Uint8Array<ArrayBuffer> }
  /** The same, but it is only looked whether the body is valid: nothing runs, and the bytes stay. */
  | { readonly type: 'check'; readonly bytes: Uint8Array<ArrayBuffer> };

/** Spans of a call on a thread. */
export interface CallTrace {
  /** It is sent to a thread, for the first time or again. @returns what the thread is to know of its trace */
  sent(): TraceCarrier;
}

export interface CallOptions {
  /** When the caller stops waiting, on the clock of monotonicMs(). */
  readonly deadlineMs?: number | undefined;
  /** Who calls, for fair turns: a key's name or an address. */
  readonly client: string;
  /** For the log lines of the call. */
  readonly requestId?: string;
  /** The caller's W3C trace id, for the same lines. */
  readonly traceId?: string | undefined;
  /**
   * The call is a job's, and goes behind all others: only where none of these waits, on threads of its own, and it is
   * not counted where it is said whether one of them is let in. It is let in itself, whatever it costs whom.
   */
  readonly job?: {
    /** Whose quota pays, even into debt: `client` is whose turn it is. */ readonly chargedTo: string;
  };
  /** How far the call says that it is. Must not throw. */
  readonly onProgress?: (progress: Progress) => void;
  /** Set by the lane itself, where traces are recorded. */
  readonly spans?: CallTrace;
}

export interface CallResult {
  /** `shared`: it is that of an identical call, for which it waited. */
  readonly lane: 'inline' | 'thread' | 'shared';
  readonly contentType: string;
  readonly body: string | Uint8Array;
  readonly head?: ReplyHead | undefined;
  readonly queueMs: number;
  /** How long it has been kept, if it was. */
  readonly ageMs?: number;
  /** Of a stream: until its first chunk. */
  readonly runMs: number;
  /** Of a task that streams, in place of `body`: to be read, or left, by somebody. Its thread is held until its end. */
  readonly stream?: CallStream;
}

/**
 * The chunks of a call, for one reader: each as it comes, and no more of them than the reader takes. The reader who leaves
 * (`break`, `return()`) cancels the call. `next()` rejects, behind what came before, where the task fails or its thread is
 * lost; and at once where the call is cut. With the errors of `Call.result`.
 */
export interface CallStream extends AsyncIterable<StreamChunk> {
  /** Resolves when no more is made, however that came. Never rejects. */
  readonly ended: Promise<void>;
  /** Aborted, with the error, where the call is cut: its deadline has passed, it was cancelled, the lane closes. */
  readonly cut: AbortSignal;
}

/** As it is sent to a client. What the task yielded is read from it by `chunkValue`. */
export type StreamChunk = Chunk;

export interface Call {
  /** The result, where it is there at once: there is nothing to wait for, and nothing to cancel. */
  readonly ready?: CallResult;
  /** Rejects with an AppError (INVALID_INPUT, TASK_FAILED, THREAD_LOST, DEADLINE_EXCEEDED, SHUTTING_DOWN) or CallCancelled. */
  readonly result: Promise<CallResult>;
  /** The caller has left: a waiting call never runs, a running one is asked to stop. Idempotent. */
  cancel(): void;
}

/** What the lane has left for jobs. */
export interface JobRoom {
  /** Jobs that it can ever run at once: those threads that keep its cores busy, but never all threads. */
  readonly most: number;
  /** How many may be here now: what other calls leave of these. */
  readonly now: number;
}

export interface LaneStatus {
  readonly threads: ServerStatus['threads'];
  readonly queue: { readonly waiting: number; readonly limit: number };
  /** By task name. */
  readonly tasks: Readonly<Record<string, TaskCounts>>;
}

/** How much there is to do. */
export interface LaneLoad {
  /** For how long threads have been busy with calls, not with jobs: two of them for a second are two seconds. */
  readonly threadsBusyMs: number;
  /** Estimated work of the calls that wait. */
  readonly waitingMs: number;
  /** What a call of average length would be estimated to wait now. */
  readonly expectedWaitMs: number;
}

/** How a call ended, for metrics. `lane` is `none` where it never ran; waits and runs in ms. */
export interface CallRecord {
  readonly task: string;
  readonly outcome: 'completed' | 'shared' | 'failed' | 'refused' | 'expired' | 'cancelled';
  readonly lane: 'inline' | 'thread' | 'none';
  readonly queueMs: number;
  readonly runMs: number;
}

/** Told of every call, once, when its outcome is known. */
export type OnCall = (record: CallRecord, isJob: boolean) => void;

/** Who decides what a client may use, and is told what it used. In ms; the clock is monotonicMs(). */
export interface CallMeter {
  /** @throws AppError QUOTA_EXCEEDED where the client has nothing left */
  check(client: string, nowMs: number): void;
  /** @throws AppError QUOTA_EXCEEDED where the estimate is more than the client has left */
  charge(client: string, estimateMs: number, nowMs: number): CallCharge;
}

/** What a call was charged. */
export interface CallCharge {
  /** How long it ran, 0 if never: the charge is corrected to that. What is said last counts. */
  ran(runMs: number, nowMs: number): void;
}

export interface LaneEnd {
  /** Calls that were cut. */
  readonly cut: number;
  /**
   * No thread is left. Otherwise `process.exit` would end one while an addon works for it, which can abort the process,
   * or wait for it without end.
   */
  readonly isQuiet: boolean;
}

export interface Lane {
  /** Resolves when a first thread has loaded the tasks. */
  warm(): Promise<void>;
  /**
   * Before a body is read: refuses at once where the client's quota is spent or the queue is full by count.
   * @throws AppError QUOTA_EXCEEDED, OVERLOADED
   */
  checkRoom(task: Task, client: string): void;
  /**
   * Before a job is accepted: the same for the quota alone, and, once its input is known, for what it would cost.
   * @throws AppError QUOTA_EXCEEDED
   */
  checkQuota(task: Task, client: string, input?: CallInput): void;
  jobRoom(): JobRoom;
  /** @throws AppError QUOTA_EXCEEDED; OVERLOADED where the estimated wait is too long. */
  call(task: Task, input: CallInput, options: CallOptions): Call;
  status(): LaneStatus;
  load(): LaneLoad;
  /**
   * Whether an error that nobody caught in this process was left behind by a call that ran inline: then it has been
   * logged, and says nothing of the process.
   * @param promise the one that was rejected, if it was one
   */
  takesError(thrown: unknown, promise?: object): boolean;
  /** Throws where it is a call that runs inline, or what one left behind, that is about to exit the process. */
  refuseExit(): void;
  /**
   * Ends it: what still waits or runs is answered SHUTTING_DOWN, and the threads are ended, but for those that native
   * work keeps. Idempotent.
   */
  close(): Promise<LaneEnd>;
}

/** What `result` rejects with after `cancel()`: nobody is there to read it. */
export class CallCancelled extends Error {
  override readonly name = 'CallCancelled';
}
