// One thread of the pool, from its start to its end, by named states. A thread whose event loop turns is never ended
// from outside, for an addon may be working for it (see thread/departure.ts): it is told to leave, and ends by itself.
// One that is blocked in JavaScript is terminated. How many there are is threads.ts; who gets what,
// thread-members.ts.
import type { MessagePort, Worker } from 'node:worker_threads';
import { monotonicMs } from '../../clock.js';
import { niceBesideJobs, stepBackThread } from '../../priority.js';
import { reportedError } from '../../tasks/error-report.js';
import { TaskFileError } from '../../tasks/registry.js';
import type { ThreadLogLine } from '../../thread/protocol.js';
import { withResolvers } from '../with-resolvers.js';
import { type CoreWatch, watchCore } from './core-time.js';
import { createThreadChannel, type ThreadChannel } from './thread-channel.js';

export type ThreadState =
  /** Until it says that it is ready. */
  | 'starting'
  | 'up'
  /** It was told to leave, or terminated, and has not done so yet. */
  | 'ending'
  /** Left to a call that goes on though nobody waits for it: it ends with that call. */
  | 'leftover'
  /** It has no call, and ends as soon as nothing is in flight. */
  | 'leaving'
  /** It was terminated and is still there: native code does not return. */
  | 'stuck';

export interface BlockingCall {
  readonly task: string;
  readonly requestId: string | undefined;
}

export interface PoolThread {
  readonly line: ThreadChannel;
  readonly state: ThreadState;
  /** Undefined while it starts. */
  readonly threadId: number | undefined;
  /** It may take a message. */
  readonly isIdle: boolean;
  /** It is for jobs, and stays so. */
  readonly isForJobs: boolean;
  /** It has stepped back behind those for calls that go first beside jobs; only a privileged process could undo it. */
  readonly isFarBack: boolean;
  /** One of those that the pool has: it works, will, or is about to make room. */
  readonly hasPlace: boolean;
  /** Why it cannot be loaded. */
  readonly fault: Error | undefined;
  /** That is because its code has changed meanwhile: the next one is loaded with what was kept of it. */
  readonly isOutdated: boolean;
  /** When it last became idle. */
  readonly idleSinceMs: number;
  /** Resolves when it can write no row any more. Undefined where it was not terminated. */
  readonly ended: Promise<void> | undefined;
  turnToJobs(): void;
  stepFarBack(): void;
  /** What it has of a core, from now on. */
  watchCore(): CoreWatch;
  /** It gets no more messages and ends by itself. */
  leave(): void;
  /** It gets no more messages and is ended, whatever it is at. @param call what that is, where it is the reason */
  terminate(call?: BlockingCall): void;
  /** Why it was terminated, if a call was the reason. */
  readonly blockedBy: BlockingCall | undefined;
  /** To be called every second while it leaves: terminates it where it does not. */
  look(): void;
  /** It is gone, or never came. @returns whether a message was lost with it */
  dismiss(error: unknown): boolean;
}

export interface PoolThreadEvents {
  /** @returns the thread that has this id */
  ready(threadId: number): Worker | undefined;
  log(line: ThreadLogLine): void;
  idle(): void;
  /** Its state is another one, but for the first and the last. */
  changed(state: ThreadState): void;
}

/** A thread that was terminated and is there for so much longer is stuck. */
const stuckAfterMs = 3_000;
/** A thread that leaves is blocked where its event loop is silent for so long, or while it uses so much of a core. */
const silentAfterMs = 30_000;
const spinsAfterMs = 1_000;
/** Without a call nothing but an open handle of a task (a connection, a timer) keeps a thread for so long. */
const leavesWithinMs = 30_000;

/** @param nice how far it may step back */
export function createPoolThread(port: MessagePort, nice: number, events: PoolThreadEvents): PoolThread {
  let state: ThreadState = 'starting';
  let worker: Worker | undefined;
  let threadId: number | undefined;
  let osThreadId: number | undefined;
  let fault: Error | undefined;
  let isOutdated = false;
  let isForJobs = false;
  let isFarBack = false;
  let idleSinceMs = 0;
  let departure: { readonly beats: Int32Array; seen: number; seenMs: number; core: CoreWatch } | undefined;
  let leavingSinceMs = 0;
  let ended: { readonly promise: Promise<void>; resolve(): void } | undefined;
  let stuckTimer: NodeJS.Timeout | undefined;
  let blockedBy: BlockingCall | undefined;

  const line = createThreadChannel(port, {
    ready(id, osId) {
      if (state !== 'starting') return;
      worker = events.ready(id);
      threadId = id;
      osThreadId = osId;
      enter('up');
      becameIdle();
    },
    log: events.log,
    unloadable({ reason, file, cause, isOutdated: outdated }) {
      isOutdated = outdated;
      // What is no error has no stack: it stays what it says.
      const thrown = cause?.stack === undefined ? cause?.message : reportedError(cause);
      fault = file === undefined ? new Error(reason) : new TaskFileError(file, reason, thrown);
    },
    freed: becameIdle,
    leaving(isAtCall) {
      if (state !== 'ending') return;
      leavingSinceMs = monotonicMs();
      enter(isAtCall ? 'leftover' : 'leaving');
    },
    settled() {
      if (state !== 'leftover') return;
      leavingSinceMs = monotonicMs();
      enter('leaving');
    },
  });

  function enter(next: ThreadState): void {
    state = next;
    events.changed(next);
  }

  function becameIdle(): void {
    if (state !== 'up') return;
    idleSinceMs = monotonicMs();
    events.idle();
  }

  function terminate(call?: BlockingCall): void {
    if (worker === undefined || ended !== undefined) return;
    blockedBy = call;
    ended = withResolvers<void>();
    void worker.terminate();
    stuckTimer = setTimeout(() => {
      enter('stuck');
      line.break(new Error('its thread does not end'));
      ended?.resolve();
    }, stuckAfterMs).unref();
    if (state === 'up') enter('ending');
  }

  return {
    line,
    get state() {
      return state;
    },
    get threadId() {
      return threadId;
    },
    get isIdle() {
      return state === 'up' && !line.isBusy;
    },
    get isForJobs() {
      return isForJobs;
    },
    get hasPlace() {
      return state === 'starting' || state === 'up' || state === 'ending';
    },
    get fault() {
      return fault;
    },
    get isOutdated() {
      return isOutdated;
    },
    get idleSinceMs() {
      return idleSinceMs;
    },
    get ended() {
      return ended?.promise;
    },
    get blockedBy() {
      return blockedBy;
    },
    get isFarBack() {
      return isFarBack;
    },
    turnToJobs() {
      isForJobs = true;
    },
    stepFarBack() {
      if (isFarBack || osThreadId === undefined || niceBesideJobs(nice) === nice) return;
      isFarBack = stepBackThread(osThreadId, nice);
    },
    watchCore: () => watchCore(osThreadId),
    leave() {
      if (state !== 'up') return;
      const beats = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
      departure = {
        beats: new Int32Array(beats),
        seen: 0,
        seenMs: monotonicMs(),
        core: watchCore(osThreadId),
      };
      line.leave({ type: 'leave', beats });
      enter('ending');
    },
    terminate,
    look() {
      if (departure === undefined || ended !== undefined) return;
      const nowMs = monotonicMs();
      const count = Atomics.load(departure.beats, 0);
      if (count !== departure.seen) {
        departure = { ...departure, seen: count, seenMs: nowMs, core: watchCore(osThreadId) };
      }
      const { seenMs, core } = departure;
      const isBlocked = nowMs - seenMs > silentAfterMs || (core.usedMs() ?? 0) > spinsAfterMs;
      const isOverdue = state === 'leaving' && nowMs - leavingSinceMs > leavesWithinMs;
      if (isBlocked || isOverdue) terminate();
    },
    dismiss(error) {
      clearTimeout(stuckTimer);
      const hasLost = line.break(error);
      ended?.resolve();
      return hasLost;
    },
  };
}
