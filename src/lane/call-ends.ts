// What becomes of a call on the thread lane, and nothing else says so: replied, skipped, lost, expired, cancelled, without
// a thread, or cut. A call ends twice, in either order, each time once: its caller is answered (by its first chunk, where
// it streams, but that counts at its end); and it leaves, where its ticket goes back and what its run cost is learned. Its
// listener hears of both. Who finds that it is so: thread-lane.ts for replies and losses, deadline.ts for its caller's
// deadline; a run that takes too long is found here.
import { monotonicMs } from '../clock.js';
import { AppError, deadlineExceeded, shuttingDown } from '../errors.js';
import { stopFlag } from '../tasks/call-context.js';
import { type CallReply, outcomeOf, replyError } from '../tasks/reply.js';
import type { ThreadChunk } from '../thread/protocol.js';
import { setAlarm } from './alarm.js';
import { CallCancelled, type CallRecord } from './call.js';
import { type OpenStreamEvents, openStream } from './call-stream.js';
import { longestRunMs, noThreadError, type PendingCall, runLimitError } from './pending-call.js';
import type { InFlight } from './pool/in-flight.js';
import type { WaitingRoom } from './waiting/waiting-room.js';

export interface CallLimits {
  readonly taskTimeoutMs: number;
  /** How long a call that was asked to stop may take to. */
  readonly cancelGraceMs: number;
}

export interface CallEnds {
  /** Callers that wait. */
  readonly open: number;
  /** A call waits for its turn, for the first time or again; its ticket is held until it leaves. */
  waits(call: PendingCall): void;
  /** It was sent to a thread. */
  sent(call: PendingCall, nowMs: number): void;
  /** Its thread replied: that it has run, or that it skipped it. */
  replied(call: PendingCall, reply: CallReply, queueMs: number): void;
  /** A chunk of its stream is there. */
  chunk(call: PendingCall, chunk: ThreadChunk, taken: OpenStreamEvents['taken']): void;
  /** It will get no reply: its thread is gone, or could not be told. */
  lost(call: PendingCall, error: AppError): void;
  /** It did not begin, and its thread has it no more. False where nobody waits for it: then it has left. */
  mayReturn(call: PendingCall): boolean;
  /** Its caller waits no longer: it is answered with this error. */
  stopped(call: PendingCall, outcome: 'expired' | 'cancelled', error: Error): void;
  /** There is no thread, and was none for long: who waits is told. */
  withoutThread(): void;
  /** The lane closes: all are answered, and no alarm rings any more. @returns how many */
  cut(): number;
}

/** When it is asked again at the earliest whether a call that was to stop has, or its thread can be ended. */
const askAgainMs = 50;

/** @param left a call waits no longer: another one may have its turn */
export function createCallEnds(
  limits: CallLimits,
  waiting: Pick<WaitingRoom, 'add' | 'remove' | 'giveBack'>,
  inFlight: InFlight,
  left: () => void,
): CallEnds {
  const open = new Set<PendingCall>();
  /** Answered, and on a thread that may have to be ended. */
  const stopping = new Set<PendingCall>();

  /** The last one that was set counts. */
  function alarmAt(call: PendingCall, atMs: number | undefined): void {
    call.alarm?.clear();
    call.alarm = atMs === undefined ? undefined : setAlarm(atMs, () => late(call));
  }

  function runLimitMs(call: PendingCall, beganMs: number): number {
    return beganMs + longestRunMs(call.task, limits.taskTimeoutMs);
  }

  /** Its longest run has passed; or, where it is answered already, its time to stop by itself. */
  function late(call: PendingCall): void {
    const nowMs = monotonicMs();
    call.alarm = undefined;
    const stall = inFlight.endStalled(call);
    if (stall === 'ended') return;
    if (call.answered) {
      const isToBeAsked = stall === 'waits' || inFlight.end(call);
      if (isToBeAsked) alarmAt(call, nowMs + Math.max(limits.cancelGraceMs, askAgainMs));
      return;
    }
    // In a message with others it begins later than it was sent, and may be done before it is answered.
    const limitMs = runLimitMs(call, inFlight.runningSinceMs(call) ?? nowMs);
    if (limitMs > nowMs) alarmAt(call, limitMs);
    else stopped(call, 'expired', runLimitError());
  }

  /** Answers a call that will not be waited for any longer, and stops whatever it does. */
  function stopped(call: PendingCall, outcome: 'expired' | 'cancelled', error: Error): void {
    if (call.answered) return;
    fail(call, error, outcome, inFlight.beganMs(call));
    if (waiting.remove(call)) {
      leave(call);
      left();
      return;
    }
    inFlight.stop(call, stopFlag[outcome]);
    stopping.add(call);
    alarmAt(call, monotonicMs() + limits.cancelGraceMs);
  }

  /** Its caller is answered, once. */
  function answered(
    call: PendingCall,
    outcome: CallRecord['outcome'],
    lane: CallRecord['lane'],
    queueMs: number,
    runMs: number,
  ): void {
    call.answered = true;
    open.delete(call);
    alarmAt(call, undefined);
    call.listener.answered({ task: call.task.name, outcome, lane, queueMs, runMs });
  }

  /** An answer that no thread gave, of a call that began then, if it did. */
  function fail(
    call: PendingCall,
    error: Error,
    outcome: CallRecord['outcome'],
    beganMs: number | undefined,
  ): void {
    if (call.answered) return;
    const nowMs = monotonicMs();
    const runMs = nowMs - (beganMs ?? nowMs);
    const queueMs = (beganMs ?? nowMs) - call.arrivedMs;
    answered(call, outcome, beganMs === undefined ? 'none' : 'thread', queueMs, runMs);
    reject(call, error, outcome === 'failed' ? 'behind its chunks' : 'at once');
  }

  /** @param when where it streams */
  function reject(call: PendingCall, error: Error, when: 'at once' | 'behind its chunks'): void {
    if (error instanceof AppError) error.task = call.task.name;
    if (call.stream === undefined) call.reject(error);
    else if (when === 'at once') call.stream.cut(error);
    else call.stream.fail(error);
  }

  /**
   * It is gone from queue and thread, and its ticket goes back.
   * @param run what it cost, if it ran. One that failed or was stopped only tells something where it was longer than
   * expected.
   */
  function leave(
    call: PendingCall,
    run?: { readonly completed: boolean; readonly runUs: number; readonly sync: boolean },
  ): void {
    const nowMs = monotonicMs();
    stopping.delete(call);
    alarmAt(call, undefined);
    // Behind what goes on here: its thread is not free yet.
    if (waiting.giveBack(call.ticket, run?.runUs, nowMs)) queueMicrotask(left);
    if (run === undefined) return;
    const { kind, cost } = call.profile;
    if (run.completed || run.runUs > kind.likelyUs(cost)) kind.learn(cost, run.runUs, run.sync);
    call.listener.ran(run.runUs / 1_000);
  }

  return {
    get open() {
      return open.size;
    },
    waits(call) {
      call.state = { at: 'queue' };
      open.add(call);
      alarmAt(call, undefined);
      waiting.add(call);
    },
    sent: (call, nowMs) => alarmAt(call, runLimitMs(call, nowMs)),
    replied(call, reply, queueMs) {
      if (reply.type === 'skipped') {
        leave(call);
        fail(call, deadlineExceeded(), 'expired', undefined);
        return;
      }
      const { runMs } = reply;
      leave(call, { completed: reply.type !== 'failed', runUs: runMs * 1_000, sync: reply.sync });
      if (call.answered) return;
      answered(call, outcomeOf(reply), 'thread', queueMs, runMs);
      if (reply.type === 'failed') reject(call, replyError(reply), 'behind its chunks');
      else if (reply.type === 'streamed') call.stream?.end();
      else {
        const { contentType, body, head } = reply;
        call.resolve({ lane: 'thread', contentType, body, head, queueMs, runMs });
      }
    },
    chunk(call, { bytes, form, head }, taken) {
      if (call.answered) return;
      if (head !== undefined) {
        const nowMs = monotonicMs();
        const beganMs = inFlight.beganMs(call) ?? nowMs;
        call.stream = openStream({
          taken,
          left: () => stopped(call, 'cancelled', new CallCancelled('The caller has left.')),
        });
        const { stream } = call.stream;
        const [queueMs, runMs] = [beganMs - call.arrivedMs, nowMs - beganMs];
        call.resolve({ lane: 'thread', body: '', ...head, queueMs, runMs, stream });
      }
      call.stream?.put({ bytes, form });
    },
    lost(call, error) {
      const beganMs = inFlight.beganMs(call);
      if (beganMs === undefined) leave(call);
      else leave(call, { completed: false, runUs: (monotonicMs() - beganMs) * 1_000, sync: true });
      fail(call, error, 'failed', beganMs);
    },
    mayReturn(call) {
      if (call.answered) leave(call);
      return !call.answered;
    },
    stopped,
    withoutThread() {
      for (const call of open) {
        if (!waiting.remove(call)) continue;
        leave(call);
        fail(call, noThreadError(), 'failed', undefined);
      }
    },
    cut() {
      const { size } = open;
      for (const call of open) fail(call, shuttingDown(), 'cancelled', inFlight.beganMs(call));
      for (const call of stopping) alarmAt(call, undefined);
      return size;
    },
  };
}
