// What the lane and its threads say to each other, beside the shared memory of control.ts.
import type { ErrorCode, InputIssue } from '../errors.js';

/** Given to every thread when it starts. */
export interface ThreadData {
  readonly control: SharedArrayBuffer;
  readonly rows: number;
  /** Module URLs, by the index that messages use. */
  readonly modules: readonly string[];
  readonly nice: number;
}

export interface ThreadCall {
  readonly task: number;
  readonly input:
    | { readonly type: 'value'; readonly value: unknown }
    | { readonly type: 'json'; readonly bytes: Uint8Array };
  /** On the clock of monotonicMs(). */
  readonly deadlineMs: number | undefined;
  readonly requestId: string | undefined;
}

export type ThreadMessage =
  | { readonly type: 'calls'; readonly row: number; readonly calls: readonly ThreadCall[] }
  /** Answered at once: makes the pool start a thread, and shows that it can run something. */
  | { readonly type: 'warm' };

/** What went wrong inside a task, for the log only. */
export interface ErrorReport {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly cause?: ErrorReport;
}

export type CallReply =
  | {
      readonly type: 'done';
      readonly contentType: string;
      readonly body: string | Uint8Array;
      readonly runMs: number;
      readonly sync: boolean;
    }
  | {
      readonly type: 'failed';
      readonly code: ErrorCode;
      readonly detail: string;
      readonly issues?: readonly InputIssue[];
      readonly report?: ErrorReport;
      readonly runMs: number;
      readonly sync: boolean;
    }
  /** It was cancelled or had expired before it began. */
  | { readonly type: 'skipped' };

/**
 * The answer to `calls`: the first `done` replies are in the row's journal, and the one after them is here. Calls
 * behind these have not begun.
 */
export interface CallsReply {
  readonly last: CallReply | undefined;
}

/** A log line of a task, posted while it runs. */
export interface ThreadLogLine {
  readonly type: 'log';
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>> | undefined;
  readonly task: number;
  readonly requestId: string | undefined;
}
