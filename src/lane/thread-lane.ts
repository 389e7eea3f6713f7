// The thread lane: calls wait their turn, run on a thread, and are answered in time whatever becomes of it. Who is
// let in and who goes next is the waiting room's; what is in flight the slots'; this ties both to answers and alarms.
import { cpus } from 'node:os';
import { monotonicMs } from '../clock.js';
import { deadlineExceeded, shuttingDown } from '../errors.js';
import { stopFlag } from '../tasks/call-context.js';
import type { Task } from '../tasks/registry.js';
import type { CallReply } from '../tasks/reply.js';
import { createControl } from '../thread/shared-rows.js';
import {
  type Call,
  CallCancelled,
  type CallCharge,
  type CallInput,
  type CallOptions,
  type CallRecord,
  type CallResult,
  type LaneEnd,
  type LaneStatus,
} from './call.js';
import type { Ledger } from './call-counts.js';
import type { CallProfile } from './cost/profile.js';
import { createDeadlines } from './deadlines.js';
import type { LaneDeps } from './lane-deps.js';
import { createOpenCalls } from './open-calls.js';
import { longestRunMs, noThreadError, type PendingCall, runLimitError } from './pending-call.js';
import { isBatchable } from './placement.js';
import { createIdleCores } from './pool/idle-cores.js';
import { createSlots } from './pool/in-flight.js';
import { createKeptThreads } from './pool/kept-threads.js';
import { createSpareThreads } from './pool/spare-threads.js';
import { threadCode } from './pool/thread-code.js';
import { createThreads } from './pool/threads.js';
import { createWake } from './pool/wake.js';
import { logTaskLine } from './task-log.js';
import { createWaitingRoom } from './waiting/waiting-room.js';
import { withResolvers } from './with-resolvers.js';

/**
 * When it is seen whether a call that waits may have a spare thread now: soon after a message has come or gone, when
 * whoever brought or took it leaves its core, and then again and again.
 */
const lookSoonMs = 2;
const lookAgainMs = 25;

/** When it is asked again at the earliest whether a call that was to stop has, or its thread can be ended. */
const askAgainMs = 50;

/** Lines on calls that go on: at most one in so long. */
const leftoverLineMs = 10_000;

export interface ThreadLane {
  warm(): Promise<void>;
  /** @throws AppError OVERLOADED */
  checkRoom(client: string): void;
  /** @throws AppError OVERLOADED */
  submit(
    task: Task,
    input: CallInput,
    options: CallOptions,
    profile: CallProfile,
    charge: CallCharge | undefined,
  ): Call;
  counts(): LaneStatus['threads'] & { readonly waiting: number };
  close(): Promise<LaneEnd>;
}

export function createThreadLane(
  { config, tasks, log, onFatal, onWorn }: LaneDeps,
  ledger: Ledger,
): ThreadLane {
  const taskIndex = new Map(tasks.map((task, index) => [task, index]));
  const control = createControl(config.poolMaxThreads);
  const threads = createThreads(
    {
      min: Math.min(config.poolMinThreads, config.poolMaxThreads),
      max: config.poolMaxThreads,
      idleTimeoutMs: config.poolIdleTimeoutMs,
      maxHeapMb: config.poolMaxHeapMb,
      data: {
        control: control.memory,
        rows: config.poolMaxThreads,
        modules: tasks.map((task) => task.module),
        nice: config.poolNice,
        pinned: threadCode(tasks),
      },
    },
    {
      changed() {
        watchDrought();
        pump();
      },
      refused: (error) =>
        log.warn({ err: error }, 'no further thread can be started: going on with those that there are'),
      granted: () => log.info('threads can be started again'),
      stuck: () =>
        log.error(
          { stuck: threads.stuck },
          'a thread was ended and is still there: it is stuck in native code',
        ),
      worn() {
        const { leftover, stuck } = threads;
        log.error({ leftover, stuck }, 'too many threads do not end: this process is to be replaced');
        onWorn?.();
      },
      log: (line) => logTaskLine(log, tasks, line),
      died: (error) => log.warn({ err: error }, 'an idle thread ended'),
      unstartable: (error) => log.error({ err: error }, 'a thread could not be started: trying again'),
      unusable: onFatal,
    },
  );
  const wake = createWake(() => threads.look());
  const wakeable = wake.then((made) => {
    if (made !== undefined) control.wakeFd = made.fd;
  });
  const slots = createSlots(
    control,
    threads,
    config.poolMaxThreads,
    config.cancelGraceMs,
    (call) => taskIndex.get(call.task) ?? -1,
    {
      replied,
      leftover: tellLeftover,
      lost(call, error) {
        const beganMs = slots.beganMs(call);
        if (beganMs === undefined) waiting.skipped(call);
        else learn(call, { completed: false, runUs: (monotonicMs() - beganMs) * 1_000, sync: true });
        open.fail(call, error, 'failed', beganMs);
      },
      returned(call) {
        if (call.answered) {
          waiting.skipped(call);
          return;
        }
        call.state = { at: 'queue' };
        open.setAlarm(call, call.options.deadlineMs);
        waiting.add(call);
      },
      freed() {
        if (slots.inFlight === 0) waiting.rested(monotonicMs());
        pump();
      },
    },
  );
  const waiting = createWaitingRoom(
    { maxQueue: config.poolMaxQueue, maxWaitMs: config.queueMaxWaitMs },
    {
      get max() {
        return threads.capacity;
      },
      get inFlight() {
        return slots.inFlight;
      },
      get longInFlight() {
        return slots.longInFlight;
      },
      get inFlightUs() {
        return slots.inFlightUs;
      },
      busy: (nowMs) => slots.busy(nowMs),
      usable: (estimateUs, nowMs) => Math.min(threads.capacity, spare.usable(estimateUs, nowMs)),
    },
  );
  const idleCores = createIdleCores(cpus().length);
  const spare = createSpareThreads(
    { share: config.coreShare, max: config.poolMaxThreads },
    {
      get inFlight() {
        return slots.inFlight;
      },
      get kept() {
        return kept.size;
      },
      punctualUs: (nowMs) => slots.punctualUs(nowMs),
    },
    () => idleCores.count(),
  );
  const open = createOpenCalls(ledger, alarmed);
  const kept = createKeptThreads(createDeadlines(monotonicMs), () => pump());
  let closing: Promise<LaneEnd> | undefined;
  let lookAgain: NodeJS.Timeout | undefined;
  let drought: NodeJS.Timeout | undefined;
  let toldLeftoverMs = Number.NEGATIVE_INFINITY;

  /** Sends what may go, starts threads for what may not yet. */
  function pump(againMs = lookSoonMs): void {
    const nowMs = monotonicMs();
    clearTimeout(lookAgain);
    for (let free = freeNow(nowMs); free > 0; free = freeNow(nowMs)) {
      const calls = waiting.take(free, nowMs);
      if (calls.length === 0) break;
      slots.send(calls, nowMs);
      for (const call of calls) open.setAlarm(call, runLimitMs(call, nowMs));
    }
    if (waiting.size === 0) return;
    const startable = waiting.startable(nowMs);
    const room = threads.capacity - threads.total;
    for (let more = Math.min(room, startable - threads.changing); more > 0; more--) threads.grow();
    // A core may become idle, or what runs prove to be longer than estimated, and nobody tells.
    const isHeld = startable === 0 && slots.inFlight < threads.capacity && waiting.first !== undefined;
    if (isHeld) lookAgain = setTimeout(() => pump(lookAgainMs), againMs);
  }

  /** Threads that may take a message now, of the call whose turn it is. */
  function freeNow(nowMs: number): number {
    const free = slots.free - kept.size;
    if (free <= 0) return 0;
    const { first } = waiting;
    if (first === undefined) return 0;
    return Math.min(free, spare.usable(first.estimateUs, nowMs) - slots.inFlight);
  }

  function runLimitMs(call: PendingCall, beganMs: number): number {
    const mostMs = longestRunMs(call.task, config.taskTimeoutMs);
    return Math.min(beganMs + mostMs, call.options.deadlineMs ?? Number.POSITIVE_INFINITY);
  }

  /** Its deadline or its longest run has passed; or, where it is answered already, its time to stop by itself. */
  function alarmed(call: PendingCall): void {
    const nowMs = monotonicMs();
    if (call.answered) {
      if (slots.end(call)) open.setAlarm(call, nowMs + Math.max(config.cancelGraceMs, askAgainMs));
      return;
    }
    if (call.state.at === 'thread') {
      // In a message with others it begins later than it was sent, and may be done before it is answered.
      const limitMs = runLimitMs(call, slots.runningSinceMs(call) ?? nowMs);
      if (limitMs > nowMs) {
        open.setAlarm(call, limitMs);
        return;
      }
    }
    const isLate = (call.options.deadlineMs ?? Number.POSITIVE_INFINITY) <= nowMs;
    abandon(call, isLate ? deadlineExceeded() : runLimitError(), 'expired', stopFlag.expired);
  }

  /** Answers a call that will not be waited for any longer, and stops whatever it does. */
  function abandon(
    call: PendingCall,
    error: Error,
    outcome: CallRecord['outcome'],
    flag: typeof stopFlag.expired | typeof stopFlag.cancelled,
  ): void {
    open.fail(call, error, outcome, slots.beganMs(call));
    if (waiting.remove(call)) {
      pump();
      return;
    }
    slots.stop(call, flag);
    open.setAlarm(call, monotonicMs() + config.cancelGraceMs);
  }

  function tellLeftover({ task, options: { requestId, traceId } }: PendingCall): void {
    const nowMs = monotonicMs();
    if (nowMs - toldLeftoverMs < leftoverLineMs) return;
    toldLeftoverMs = nowMs;
    const leftover = threads.leftover + 1;
    log.warn(
      { task: task.name, requestId, traceId, leftover },
      'a call goes on after its answer: its thread is left to it, and replaced',
    );
  }

  /** What waits while there is no thread at all is not kept for longer than a call may wait. */
  function watchDrought(): void {
    if (threads.capacity > 0) {
      clearTimeout(drought);
      drought = undefined;
      return;
    }
    drought ??= setTimeout(() => {
      for (const call of open.all())
        if (waiting.remove(call)) open.fail(call, noThreadError(), 'failed', undefined);
    }, config.queueMaxWaitMs).unref();
  }

  function replied(call: PendingCall, reply: CallReply, queueMs: number): void {
    open.setAlarm(call, undefined);
    if (reply.type === 'skipped') {
      waiting.skipped(call);
      open.fail(call, deadlineExceeded(), 'expired', undefined);
      return;
    }
    learn(call, { completed: reply.type === 'done', runUs: reply.runMs * 1_000, sync: reply.sync });
    const { client } = call.options;
    kept.ended(client, reply.runMs, monotonicMs(), () => isCrowdedOut(client));
    open.answer(call, reply, queueMs);
  }

  /** None of this client's calls wait, and whose call is next has a thread already. */
  function isCrowdedOut(client: string): boolean {
    const next = waiting.first?.options.client;
    return next !== undefined && !waiting.has(client) && slots.has(next);
  }

  /** What a run cost. One that failed or was stopped only tells something where it was longer than expected. */
  function learn(call: PendingCall, run: { completed: boolean; runUs: number; sync: boolean }): void {
    const { kind, cost } = call.profile;
    if (run.completed || run.runUs > kind.likelyUs(cost)) kind.learn(cost, run.runUs, run.sync);
    const nowMs = monotonicMs();
    waiting.ran(call, run.runUs, nowMs);
    call.charge?.ran(run.runUs / 1_000, nowMs);
  }

  function submit(
    task: Task,
    input: CallInput,
    options: CallOptions,
    profile: CallProfile,
    charge: CallCharge | undefined,
  ): Call {
    const nowMs = monotonicMs();
    const estimateUs = profile.kind.likelyUs(profile.cost);
    kept.came(options.client, nowMs);
    const { tag, key, seq, expectedWaitUs } = waiting.admit(
      options.client,
      estimateUs,
      options.deadlineMs,
      nowMs,
      task.definition.limits?.waitMs,
    );
    const { promise, resolve, reject } = withResolvers<CallResult>();
    // Field by field: with a spread the object is a dictionary to V8, and the lane took 35 µs a call instead of 12.
    const call: PendingCall = {
      tag,
      key,
      seq,
      expectedWaitUs,
      task,
      input,
      options,
      profile,
      charge,
      arrivedMs: nowMs,
      estimateUs,
      batchable: input.type === 'value' && isBatchable(profile.kind, profile.cost),
      attempts: 0,
      state: { at: 'queue' },
      answered: false,
      alarm: undefined,
      resolve,
      reject,
    };
    open.add(call);
    open.setAlarm(call, options.deadlineMs);
    waiting.add(call);
    pump();
    return {
      result: promise,
      cancel() {
        if (!call.answered)
          abandon(call, new CallCancelled('The caller has left.'), 'cancelled', stopFlag.cancelled);
      },
    };
  }

  async function end(): Promise<LaneEnd> {
    const cut = open.size;
    waiting.clear();
    for (const call of open.all()) open.fail(call, shuttingDown(), 'cancelled', slots.beganMs(call));
    open.close();
    kept.close();
    clearTimeout(lookAgain);
    clearTimeout(drought);
    idleCores.close();
    control.wakeFd = -1;
    const isQuiet = await threads.close();
    // A thread that is still there may ring: the number must not become another file's.
    if (isQuiet) (await wake)?.close();
    return { cut, isQuiet };
  }

  return {
    async warm() {
      await Promise.all([threads.warm(), wakeable]);
    },
    checkRoom: (client) => waiting.checkRoom(client, monotonicMs()),
    submit,
    counts: () => ({
      busy: slots.inFlight,
      idle: slots.free,
      max: threads.capacity,
      leftover: threads.leftover,
      stuck: threads.stuck,
      waiting: waiting.size,
    }),
    close() {
      closing ??= end();
      return closing;
    },
  };
}
