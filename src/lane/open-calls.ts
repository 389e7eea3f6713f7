// The calls whose callers wait: each is answered once and counted once, and may have an alarm. When and with what is
// thread-lane.ts.
import { monotonicMs } from '../clock.js';
import { AppError } from '../errors.js';
import { type CallReply, outcomeOf, replyError } from '../tasks/reply.js';
import type { CallRecord } from './call.js';
import type { Ledger } from './call-counts.js';
import { createDeadlines } from './deadlines.js';
import type { PendingCall } from './pending-call.js';

export interface OpenCalls {
  readonly size: number;
  all(): Iterable<PendingCall>;
  add(call: PendingCall): void;
  /** What its thread replied. Nothing where it has its answer already. */
  answer(call: PendingCall, reply: Exclude<CallReply, { type: 'skipped' }>, queueMs: number): void;
  /** An answer that no thread gave, of a call that began then, if it did. Nothing where it has its answer already. */
  fail(call: PendingCall, error: Error, outcome: CallRecord['outcome'], beganMs: number | undefined): void;
  /** One alarm a call, also after its answer: the last one set counts; undefined: none. */
  setAlarm(call: PendingCall, atMs: number | undefined): void;
  /** No alarm rings any more. */
  close(): void;
}

export function createOpenCalls(ledger: Ledger, alarmed: (call: PendingCall) => void): OpenCalls {
  const deadlines = createDeadlines(monotonicMs);
  const open = new Set<PendingCall>();

  function setAlarm(call: PendingCall, atMs: number | undefined): void {
    if (call.alarm !== undefined) deadlines.clear(call.alarm);
    call.alarm = atMs === undefined ? undefined : deadlines.set(atMs, () => ring(call));
  }

  function ring(call: PendingCall): void {
    call.alarm = undefined;
    alarmed(call);
  }

  function reject(call: PendingCall, error: Error): void {
    if (error instanceof AppError) error.task = call.task.name;
    call.reject(error);
  }

  function settle(call: PendingCall): void {
    call.answered = true;
    open.delete(call);
    setAlarm(call, undefined);
  }

  return {
    get size() {
      return open.size;
    },
    all: () => open,
    add: (call) => void open.add(call),
    answer(call, reply, queueMs) {
      if (call.answered) return;
      settle(call);
      const { runMs } = reply;
      ledger.record({ task: call.task.name, outcome: outcomeOf(reply), lane: 'thread', queueMs, runMs });
      if (reply.type === 'failed') reject(call, replyError(reply));
      else {
        const { contentType, body, head } = reply;
        call.resolve({ lane: 'thread', contentType, body, head, queueMs, runMs });
      }
    },
    fail(call, error, outcome, beganMs) {
      if (call.answered) return;
      settle(call);
      const nowMs = monotonicMs();
      const queueMs = (beganMs ?? nowMs) - call.arrivedMs;
      const lane = beganMs === undefined ? 'none' : 'thread';
      const runMs = nowMs - (beganMs ?? nowMs);
      ledger.record({ task: call.task.name, outcome, lane, queueMs, runMs });
      // Where it still runs, its reply tells more.
      call.charge?.ran(runMs, nowMs);
      reject(call, error);
    },
    setAlarm,
    close: () => deadlines.close(),
  };
}
