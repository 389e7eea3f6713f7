// What became of a run, in whichever lane it was: a result, a failure, or nothing; and how its caller meets it.

import { AppError, type ErrorCode, type InputIssue } from '../errors.js';
import { type ErrorReport, reportedError } from './error-report.js';
import type { ReplyHead } from './reply-head.js';

export type CallReply =
  | {
      readonly type: 'done';
      readonly contentType: string;
      readonly body: string | Uint8Array;
      readonly head?: ReplyHead;
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
  /** Its chunks went before. */
  | { readonly type: 'streamed'; readonly runMs: number; readonly sync: false }
  /** It was cancelled or had expired before it began. */
  | { readonly type: 'skipped' };

/** A reply that is no result, as its caller meets it; what the task said goes to the log only. */
export function replyError(reply: Omit<Extract<CallReply, { type: 'failed' }>, 'runMs' | 'sync'>): AppError {
  const { code, detail, issues, report } = reply;
  return new AppError(code, detail, {
    ...(issues && { issues }),
    ...(report && { cause: reportedError(report) }),
  });
}

/** Input that only the thread could find wrong is refused, not failed: nothing is wrong with the task. */
export function outcomeOf(
  reply: Exclude<CallReply, { type: 'skipped' }>,
): 'completed' | 'failed' | 'refused' {
  if (reply.type !== 'failed') return 'completed';
  return reply.code === 'TASK_FAILED' || reply.code === 'INTERNAL' ? 'failed' : 'refused';
}
