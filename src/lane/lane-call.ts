// A call inside the lane: what the two lanes that run calls take, and what is wrapped round them (call-spans.ts,
// call-counts.ts, deadline.ts, metering.ts, sharing.ts). A wrapper takes a lane and returns one: it sees each call before
// it goes in, and hears what becomes of it. What the lane's users see is call.ts.
import type { Task } from '../tasks/registry.js';
import type { Call, CallInput, CallOptions, CallRecord } from './call.js';
import type { CallProfile } from './cost/profile.js';

export interface LaneCall {
  readonly task: Task;
  readonly input: CallInput;
  readonly options: CallOptions;
  /** What it is expected to cost. */
  readonly profile: CallProfile;
}

/** Hears what becomes of a call that was let in. */
export interface CallListener {
  /** Its caller has the answer. Once. */
  answered(record: CallRecord): void;
  /** It has run, and for so long. At most once; before its answer, or after it where the call did not stop at once. */
  ran(runMs: number): void;
}

export interface OpenCall extends Pick<Call, 'ready' | 'result'> {
  /** Answers it with this error, if it has no answer yet: a waiting call never runs, a running one is asked to stop. */
  stop(outcome: 'expired' | 'cancelled', error: Error): void;
}

export interface RunningLane {
  /** @throws AppError where there is no room for one more call of this client */
  checkRoom(task: Task, client: string): void;
  /** @throws AppError where the call is not let in: the listener hears nothing of it */
  run(call: LaneCall, listener: CallListener): OpenCall;
}

export type LaneWrapper = (lane: RunningLane) => RunningLane;
