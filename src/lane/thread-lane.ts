// The thread lane, station by station: admit and order are the waiting room's, how many threads there are is
// pool/capacity.ts, send and run are pool/in-flight.ts, and what becomes of a call is call-ends.ts. This ties them
// together: what to do when a call comes, a thread is free, or the lane closes.
import { monotonicMs } from '../clock.js';
import { createControl } from '../thread/shared-rows.js';
import type { CallResult, LaneEnd, LaneLoad, LaneStatus } from './call.js';
import { createCallEnds } from './call-ends.js';
import type { CallListener, LaneCall, OpenCall, RunningLane } from './lane-call.js';
import type { LaneDeps } from './lane-deps.js';
import type { PendingCall } from './pending-call.js';
import { isBatchable } from './placement.js';
import { createBusyTime } from './pool/busy-time.js';
import { createCapacity } from './pool/capacity.js';
import { createSlots } from './pool/in-flight.js';
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

/** Lines on calls that go on: at most one in so long. */
const leftoverLineMs = 10_000;

/** Calls throw AppError OVERLOADED where there is no room for them. */
export interface ThreadLane extends RunningLane {
  warm(): Promise<void>;
  counts(): LaneStatus['threads'] & { readonly waiting: number };
  load(): LaneLoad;
  close(): Promise<LaneEnd>;
}

export function createThreadLane({ config, tasks, log, onFatal, onWorn }: LaneDeps): ThreadLane {
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
        log.error({ leftover, stuck }, 'too many threads do not end: this process should be replaced');
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
  const busyTime = createBusyTime(config.cores);
  const slots = createSlots(
    control,
    threads,
    config.poolMaxThreads,
    config.cancelGraceMs,
    (call) => taskIndex.get(call.task) ?? -1,
    {
      replied(call, reply, queueMs) {
        const { client } = call.options;
        if (reply.type !== 'skipped')
          capacity.ended(client, reply.runMs, monotonicMs(), () => isCrowdedOut(client));
        ends.replied(call, reply, queueMs);
      },
      chunk: (call, chunk, taken) => ends.chunk(call, chunk, taken),
      leftover: tellLeftover,
      lost: (call, error) => ends.lost(call, error),
      returned(call) {
        if (ends.mayReturn(call)) ends.waits(call);
      },
      freed() {
        const nowMs = monotonicMs();
        busyTime.change(slots.inFlight, nowMs);
        if (slots.inFlight === 0) waiting.rested(nowMs);
        pump();
      },
    },
  );
  const capacity = createCapacity(
    { share: config.coreShare, most: config.poolMaxThreads },
    threads,
    slots,
    () => pump(),
  );
  const waiting = createWaitingRoom(
    { maxQueue: config.poolMaxQueue, maxWaitMs: config.queueMaxWaitMs },
    capacity,
  );
  const ends = createCallEnds(config, waiting, slots, () => pump());
  let closing: Promise<LaneEnd> | undefined;
  let lookAgain: NodeJS.Timeout | undefined;
  let drought: NodeJS.Timeout | undefined;
  let toldLeftoverMs = Number.NEGATIVE_INFINITY;

  /** Admits a call: it waits, and is answered whatever becomes of it. */
  function run({ task, input, options, profile }: LaneCall, listener: CallListener): OpenCall {
    const nowMs = monotonicMs();
    const estimateUs = profile.kind.likelyUs(profile.cost);
    capacity.came(options.client, nowMs);
    const ticket = waiting.admit(
      options.client,
      estimateUs,
      options.deadlineMs,
      nowMs,
      task.definition.limits?.waitMs,
    );
    const { promise, resolve, reject } = withResolvers<CallResult>();
    // Field by field: with a spread the object is a dictionary to V8, and the lane took 35 µs a call instead of 12.
    const call: PendingCall = {
      ticket,
      key: ticket.key,
      seq: ticket.seq,
      task,
      input,
      options,
      profile,
      listener,
      arrivedMs: nowMs,
      estimateUs,
      batchable: input.type === 'value' && isBatchable(profile.kind, profile.cost),
      attempts: 0,
      state: { at: 'queue' },
      answered: false,
      alarm: undefined,
      stream: undefined,
      resolve,
      reject,
    };
    ends.waits(call);
    pump();
    return { result: promise, stop: (outcome, error) => ends.stopped(call, outcome, error) };
  }

  /** Sends what may go, in its order; starts threads for what may not yet. */
  function pump(againMs = lookSoonMs): void {
    const nowMs = monotonicMs();
    clearTimeout(lookAgain);
    for (let free = freeNow(nowMs); free > 0; free = freeNow(nowMs)) {
      const calls = waiting.take(free, nowMs);
      if (calls.length === 0) break;
      slots.send(calls, nowMs);
      busyTime.change(slots.inFlight, nowMs);
      for (const call of calls) ends.sent(call, nowMs);
    }
    if (waiting.size === 0) return;
    const startable = waiting.startable(nowMs);
    for (let more = capacity.missing(startable); more > 0; more--) threads.grow();
    // A core may become idle, or what runs prove to be longer than estimated, and nobody tells.
    const isHeld = startable === 0 && capacity.inFlight < capacity.max && waiting.first !== undefined;
    if (isHeld) lookAgain = setTimeout(() => pump(lookAgainMs), againMs);
  }

  /** Threads that may take a message now, of the call whose turn it is. */
  function freeNow(nowMs: number): number {
    // Asked first: mostly none is free, and whose turn it is need not be known.
    if (slots.free === 0) return 0;
    const { first } = waiting;
    return first === undefined ? 0 : capacity.free(first.estimateUs, nowMs);
  }

  /** None of this client's calls wait, and whose call is next has a thread already. */
  function isCrowdedOut(client: string): boolean {
    const next = waiting.first?.options.client;
    return next !== undefined && !waiting.has(client) && slots.has(next);
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
    drought ??= setTimeout(() => ends.withoutThread(), config.queueMaxWaitMs).unref();
  }

  async function end(): Promise<LaneEnd> {
    waiting.clear();
    const cut = ends.cut();
    capacity.close();
    clearTimeout(lookAgain);
    clearTimeout(drought);
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
    checkRoom: (_task, client) => waiting.checkRoom(client, monotonicMs()),
    run,
    counts: () => ({
      busy: slots.inFlight,
      idle: slots.free,
      max: capacity.max,
      leftover: threads.leftover,
      stuck: threads.stuck,
      waiting: waiting.size,
    }),
    load() {
      const nowMs = monotonicMs();
      return {
        threadsBusyMs: busyTime.ms(nowMs),
        waitingMs: waiting.workUs / 1_000,
        expectedWaitMs: waiting.averageWaitUs(nowMs) / 1_000,
      };
    },
    close() {
      closing ??= end();
      return closing;
    },
  };
}
