// The thread lane, from top to bottom as a call goes through it. Admit: it gets a ticket, or is refused
// (waiting/waiting-room.ts). Order, send: when it is its turn and a thread is free, it goes there in a message, alone or
// with others (pool/in-flight.ts; how many threads there are, pool/capacity.ts). Run, answer: what its thread says, and
// what becomes of it (call-ends.ts). Before that come route (server/) and place (lane.ts).
import { monotonicMs } from '../clock.js';
import { niceBesideJobs } from '../priority.js';
import type { Task } from '../tasks/registry.js';
import { createControl } from '../thread/shared-rows.js';
import type { CallOptions, CallResult, JobRoom, LaneEnd, LaneLoad, LaneStatus } from './call.js';
import { createCallEnds } from './call-ends.js';
import type { CallListener, LaneCall, OpenCall, RunningLane } from './lane-call.js';
import type { LaneDeps } from './lane-deps.js';
import type { PendingCall, Ticket } from './pending-call.js';
import { isBatchable, jobCapacity } from './placement.js';
import { createBusyTime } from './pool/busy-time.js';
import { createCapacity } from './pool/capacity.js';
import { createInFlight, type MessageEvents } from './pool/in-flight.js';
import { threadCode, threadTask } from './pool/thread-code.js';
import { createThreadLog } from './pool/thread-log.js';
import { createThreads } from './pool/threads.js';
import { openWake } from './pool/wake.js';
import { logTaskLine } from './task-log.js';
import { createWaitingRoom } from './waiting/waiting-room.js';
import { withResolvers } from './with-resolvers.js';

/** How long calls may wait for the first thread at least: on a busy machine it takes a second to start. */
const firstThreadMs = 5_000;

/** Calls throw AppError OVERLOADED where there is no room for them. */
export interface ThreadLane extends RunningLane {
  warm(): Promise<void>;
  jobRoom(): JobRoom;
  counts(): LaneStatus['threads'] & { readonly waiting: number };
  load(): LaneLoad;
  close(): Promise<LaneEnd>;
}

export function createThreadLane({
  config,
  tasks,
  log,
  traced,
  onFatal,
  onStalled,
  onWorn,
}: LaneDeps): ThreadLane {
  const maxJobs = jobCapacity(config.poolMaxThreads);
  const rows = config.poolMaxThreads + maxJobs;
  const control = createControl(rows);
  const threadLog = createThreadLog(log);
  const threads = createThreads(
    {
      min: Math.min(config.poolMinThreads, config.poolMaxThreads),
      max: config.poolMaxThreads,
      maxJobs,
      nice: config.poolNice,
      idleTimeoutMs: config.poolIdleTimeoutMs,
      maxHeapMb: config.poolMaxHeapMb,
      data: {
        control: control.memory,
        rows,
        tasks: tasks.map(threadTask),
        nice: niceBesideJobs(config.poolNice),
        traced,
        pinned: threadCode(tasks),
      },
      served: () => inFlight.servedTasks,
    },
    {
      ...threadLog,
      changed: threadsChanged,
      log: (line) => logTaskLine(log, tasks, line),
      worn(counts) {
        threadLog.worn(counts);
        onWorn();
      },
      unusable: onFatal,
    },
  );
  const closeWake = openWake(control, threads.look);
  const inFlight = createInFlight(control, threads, tasks, config, rows);
  const busyTime = createBusyTime(config.cores);
  const capacity = createCapacity(threads, inFlight, sendNext);
  const waiting = createWaitingRoom(
    { maxQueue: config.poolMaxQueue, maxWaitMs: config.queueMaxWaitMs },
    capacity,
  );
  const ends = createCallEnds(config, waiting, inFlight, sendNext);
  let closing: Promise<LaneEnd> | undefined;
  let drought: NodeJS.Timeout | undefined;
  let isWarm = false;
  threads.warm().then(
    () => {
      isWarm = true;
      watchDrought();
    },
    () => undefined,
  );
  watchDrought();

  function admit(task: Task, options: CallOptions, estimateUs: number, nowMs: number): Ticket {
    const { client, deadlineMs } = options;
    capacity.came(client, nowMs);
    return waiting.admit(client, estimateUs, deadlineMs, nowMs, task);
  }

  /** Admit: it waits, and is answered whatever becomes of it. */
  function run({ task, input, options, profile }: LaneCall, listener: CallListener): OpenCall {
    const nowMs = monotonicMs();
    const estimateUs = profile.kind.likelyUs(profile.cost);
    const ticket =
      options.job === undefined
        ? admit(task, options, estimateUs, nowMs)
        : waiting.admitJob(options.client, estimateUs, task);
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
      // In a message with others it would begin later than its span says.
      batchable:
        input.type === 'value' && options.spans === undefined && isBatchable(profile.kind, profile.cost),
      attempts: 0,
      state: { at: 'queue' },
      answered: false,
      alarm: undefined,
      stream: undefined,
      resolve,
      reject,
    };
    ends.waits(call);
    sendNext();
    return { result: promise, stop: (outcome, error) => ends.stopped(call, outcome, error) };
  }

  /** Order, send: those whose turn it is, as far as threads are free; starts threads for those behind them. */
  function sendNext(): void {
    const nowMs = monotonicMs();
    for (;;) {
      const calls = waiting.take(capacity.free, nowMs);
      if (calls.length === 0) break;
      inFlight.send(calls, nowMs, heard);
      busyTime.change(capacity.inFlight, nowMs);
      for (const call of calls) ends.sent(call, nowMs);
    }
    if (waiting.size + waiting.jobs === 0) return;
    for (let more = capacity.missing(waiting.startable); more > 0; more--) threads.grow();
  }

  /** Run, answer. */
  const heard: MessageEvents = {
    replied(call, reply, queueMs) {
      const { client } = call.options;
      if (reply.type !== 'skipped' && !call.ticket.isJob)
        capacity.ended(client, reply.runMs, monotonicMs(), () => isCrowdedOut(client));
      ends.replied(call, reply, queueMs);
    },
    chunk: ends.chunk,
    leftover: (call) => threadLog.leftover(call, threads.leftover + 1),
    stalled() {
      threadLog.stalled();
      onStalled();
    },
    lost: ends.lost,
    returned(call) {
      if (ends.mayReturn(call)) ends.waits(call);
    },
    freed() {
      const nowMs = monotonicMs();
      busyTime.change(capacity.inFlight, nowMs);
      if (inFlight.size === 0) waiting.rested(nowMs);
      sendNext();
    },
  };

  /** None of this client's calls wait, and whose call is next has a thread already. */
  function isCrowdedOut(client: string): boolean {
    const next = waiting.first?.options.client;
    return next !== undefined && !waiting.has(client) && inFlight.has(next);
  }

  function threadsChanged(): void {
    watchDrought();
    sendNext();
  }

  /**
   * What waits while there is no thread, or none yet, is not kept for longer than a call may wait. Calls are let in while the
   * first one is awaited: those that come later are told in their turn.
   */
  function watchDrought(): void {
    if (isWarm && threads.capacity > 0) {
      clearTimeout(drought);
      drought = undefined;
      return;
    }
    const { queueMaxWaitMs } = config;
    const waitMs = isWarm ? queueMaxWaitMs : Math.max(firstThreadMs, queueMaxWaitMs);
    drought ??= setTimeout(() => {
      drought = undefined;
      ends.withoutThread();
      watchDrought();
    }, waitMs).unref();
  }

  async function end(): Promise<LaneEnd> {
    waiting.clear();
    const cut = ends.cut();
    capacity.close();
    clearTimeout(drought);
    const isQuiet = await threads.close();
    // A thread that is still there may write to it.
    void threads.emptied.then(closeWake);
    return { cut, isQuiet };
  }

  return {
    warm: threads.warm,
    checkRoom: (task, client) => waiting.checkRoom(client, monotonicMs(), task),
    run,
    jobRoom() {
      const { mostJobs: most, inFlight: calls } = capacity;
      return { most, now: Math.max(0, most - calls - waiting.size + waiting.held) };
    },
    counts: () => ({
      busy: inFlight.size,
      idle: inFlight.free + threads.forJobs.idle,
      max: capacity.max + threads.forJobs.total,
      forJobs: threads.forJobs.total,
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
