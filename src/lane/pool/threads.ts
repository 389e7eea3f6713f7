// The threads: how many there are, the starts, and what follows from one that dies or cannot be started. Which there are
// and who is next: thread-members.ts. Their roles, for calls or for jobs, and who makes way: thread-roles.ts. Who ends
// because it was idle for long: retirement.ts. How many may linger: lingering.ts. What they are made of: thread-workers.ts.
// How one lives and ends: pool-thread.ts; what happens inside, thread-entry.ts. Which call runs when is thread-lane.ts.
import { setTimeout as sleep } from 'node:timers/promises';
import type { MessagePort } from 'node:worker_threads';
import { monotonicMs } from '../../clock.js';
import type { ThreadData, ThreadLogLine } from '../../thread/protocol.js';
import { withResolvers } from '../with-resolvers.js';
import type { CoreWatch } from './core-time.js';
import { createLingering } from './lingering.js';
import { type BlockingCall, createPoolThread, type PoolThread, type ThreadState } from './pool-thread.js';
import { createRetirement } from './retirement.js';
import { createStartFailures } from './start-failures.js';
import type { SentMessage } from './thread-channel.js';
import { createThreadMembers } from './thread-members.js';
import { createThreadRoles } from './thread-roles.js';
import { createThreadWorkers } from './thread-workers.js';

export interface ThreadsOptions {
  readonly min: number;
  readonly max: number;
  /** Most threads for jobs, beside these. */
  readonly maxJobs: number;
  /** How far threads step back behind the event loop. They start half as far (`data`). */
  readonly nice: number;
  readonly idleTimeoutMs: number;
  readonly maxHeapMb: number;
  readonly data: ThreadData;
  /** Tasks that calls have been for, by their numbers: what a further thread loads before it is ready. */
  readonly served: () => readonly number[];
}

export interface ThreadsEvents {
  /** A thread became ready, or is gone: ask `idle` again. */
  changed(): void;
  log(line: ThreadLogLine): void;
  /** A thread died that had no message, or could not load a task. */
  died(error: unknown): void;
  /** A thread's code changed while it was being loaded: another one is started. */
  outdated(error: unknown): void;
  /** A further thread could not be loaded. Told once, until one can: meanwhile it is tried again and again. */
  unstartable(error: unknown): void;
  /** The system has no room for another thread. Once, until it has. @param threads those that there are */
  refused(error: unknown, threads: number): void;
  /** It has room again. */
  granted(): void;
  /** A thread was terminated and does not end. @param call what it is at, where that was why */
  stuck(counts: { readonly stuck: number }, call: BlockingCall | undefined): void;
  /** So many threads do not end that there should be a new process. Once. */
  worn(counts: { readonly leftover: number; readonly stuck: number }): void;
  /** There is no thread, and none could be started several times in a row. */
  unusable(error: unknown): void;
}

export interface Threads {
  /** Threads for calls that are up and have no message. */
  readonly idle: number;
  /** Threads that could take a job: those for jobs, and those for calls that may turn to jobs. */
  readonly idleForJobs: number;
  /** Threads for calls that are being started, or ended: their places are taken until they are up, or gone. */
  readonly changing: number;
  /** All for calls that have a place. */
  readonly total: number;
  /** Those for jobs alone: where there is no other, they serve calls as well. */
  readonly forJobs: { readonly total: number; readonly idle: number };
  /** How many there may be now; 0: nothing can run. */
  readonly capacity: number;
  /** Left to a call that goes on though nobody waits for it. */
  readonly leftover: number;
  /** Terminated, and still there. */
  readonly stuck: number;
  /** To be called only while one is idle. @returns the thread's id */
  run(errand: SentMessage): number | undefined;
  /**
   * To be called only while there is one that could take a job. Where none of those for jobs is idle, one for calls turns to
   * jobs for good: it steps back further, which could not be undone, and another takes its place.
   */
  runJob(errand: SentMessage): number | undefined;
  /** The event loop was woken: takes the answers that are there. */
  look(): void;
  /** Starts one more; to be called only while there are fewer than the capacity. */
  grow(): void;
  /** Tells a thread whose event loop turns to end by itself. */
  leave(threadId: number): void;
  /** Ends a thread that is blocked; what it had is lost once it is really gone, if not answered. */
  terminate(threadId: number, call?: BlockingCall): void;
  /** What a thread has of a core, from now on. */
  watchCore(threadId: number): CoreWatch | undefined;
  /** Resolves when a thread that was terminated is gone, or stuck; undefined where it is none. */
  gone(threadId: number): Promise<void> | undefined;
  /** Resolves when one thread is ready; rejects where as many as the minimum could not be loaded. */
  warm(): Promise<void>;
  /** Ends all, but for those that are stuck or left to a call. @returns whether none is there any more */
  close(): Promise<boolean>;
  /** Resolves once it is closed and none is there any more. */
  readonly emptied: Promise<void>;
}

const lookEveryMs = 1_000;
/** How long threads that end by themselves may take to, where all are ended. */
const closeMs = 150;
const closeLookMs = 5;

export function createThreads(options: ThreadsOptions, events: ThreadsEvents): Threads {
  const { min, max, maxJobs, nice, idleTimeoutMs, maxHeapMb, data } = options;
  const members = createThreadMembers(maxJobs);
  const lingering = createLingering(members, max);
  const failures = createStartFailures();
  const workers = createThreadWorkers(maxHeapMb, data, {
    begun: members.add,
    withdrawn: remove,
    ended: dismiss,
    died: events.died,
    expected: () => members.all.length,
  });
  const roles = createThreadRoles(members, {
    mayMakeWay: () => !over && !failures.isRefused,
    hasPlace: () => members.total < capacity(),
    start,
  });
  const retirement = createRetirement(members, min, idleTimeoutMs);
  let retry: NodeJS.Timeout | undefined;
  let watch: NodeJS.Timeout | undefined;
  /** A thread has loaded all tasks. */
  let isProven = false;
  /** Closed, or given up. */
  let over = false;
  let isClosed = false;
  const warmed = withResolvers<void>();
  warmed.promise.catch(() => undefined);
  const emptied = withResolvers<void>();
  keepMinimum();

  /** Where no further thread can be started, those that there are; none where it was given up. */
  function capacity(): number {
    if (over) return 0;
    const most = lingering.mostWorking;
    return failures.isRefused
      ? Math.min(most, Math.max(members.total, Math.min(1, members.counts.forJobs)))
      : most;
  }

  function keepMinimum(): void {
    const most = Math.min(min, capacity());
    while (mayStart() && members.total < most) start();
  }

  /** Not while another try is due. */
  function mayStart(): boolean {
    return !over && retry === undefined;
  }

  function start(): void {
    if (!mayStart()) return;
    // Until one thread has loaded all of them, so that a file that none can load is told at boot.
    const load = isProven ? options.served() : data.tasks.map((_task, index) => index);
    try {
      workers.start(makeThread, load);
    } catch (error) {
      refused(error);
    }
  }

  function makeThread(port: MessagePort): PoolThread {
    const thread = createPoolThread(port, nice, {
      ready: (threadId) => workers.all.find((worker) => worker.threadId === threadId),
      log: events.log,
      idle() {
        roles.makeWay();
        retirement.schedule();
      },
      changed(state) {
        changed(state, thread);
        roles.makeWay();
      },
    });
    return thread;
  }

  function changed(state: ThreadState, thread: PoolThread): void {
    members.recount();
    if (state === 'up') {
      roles.stepBack();
      if (failures.isRefused) events.granted();
      failures.succeeded();
      isProven = true;
      warmed.resolve();
    }
    if (state === 'ending') {
      watch ??= setInterval(lookAtEnds, lookEveryMs).unref();
      return;
    }
    if (over) return;
    if (state === 'stuck') events.stuck({ stuck: members.counts.stuck }, thread.blockedBy);
    if (state === 'leftover' || state === 'stuck') wear();
    keepMinimum();
    events.changed();
  }

  function lookAtEnds(): void {
    for (const one of members.all) one.look();
    if (members.all.some(({ state }) => state !== 'up' && state !== 'starting')) return;
    clearInterval(watch);
    watch = undefined;
  }

  function wear(): void {
    const { leftover, stuck } = members.counts;
    if (lingering.wears(capacity())) events.worn({ leftover, stuck });
  }

  /** Its thread is gone, or never came. */
  function dismiss(thread: PoolThread, error: unknown): void {
    const { state } = thread;
    remove(thread);
    const hasLost = thread.dismiss(thread.fault ?? error);
    if (isClosed && members.all.length === 0) emptied.resolve();
    if (over) return;
    if (state === 'starting' && !thread.isOutdated) {
      diedInBoot(thread.fault ?? error);
      return;
    }
    if (state === 'starting') events.outdated(thread.fault);
    if (state === 'up' && (thread.fault !== undefined || !hasLost)) events.died(thread.fault ?? error);
    keepMinimum();
    events.changed();
  }

  function remove(thread: PoolThread): void {
    members.remove(thread);
    roles.stepBack();
  }

  function diedInBoot(cause: unknown): void {
    failures.died();
    // At boot it is for who waits in `warm` to say that it is over.
    if (failures.deaths === 1 && isProven) events.unstartable(cause);
    if (failures.deaths >= min) warmed.reject(cause);
    if (failures.isHopeless && !members.all.some(({ state }) => state === 'up')) {
      over = true;
      warmed.reject(cause);
      // What the code of a task has thrown was told with the first one; the log would say it twice here.
      const last = cause instanceof Error && cause.cause !== undefined ? new Error(cause.message) : cause;
      events.unusable(new Error(`${failures.deaths} threads in a row could not be started`, { cause: last }));
      // What waits is not kept for longer than a call may wait.
      events.changed();
      return;
    }
    tryAgain();
  }

  /** The system has no room for another thread now: those that there are go on. */
  function refused(error: unknown): void {
    const isFirst = !failures.isRefused;
    failures.refused();
    if (isFirst) events.refused(error, members.total);
    wear();
    tryAgain();
  }

  function tryAgain(): void {
    clearTimeout(retry);
    retry = setTimeout(() => {
      retry = undefined;
      // Whether there is room again shows only by trying.
      if (failures.isRefused && members.total < lingering.mostWorking) start();
      keepMinimum();
      events.changed();
    }, failures.delayMs).unref();
  }

  async function close(): Promise<boolean> {
    over = true;
    isClosed = true;
    if (members.all.length === 0) emptied.resolve();
    clearTimeout(retry);
    retirement.close();
    for (const one of members.all) one.leave();
    await until(() => members.all.every(({ state }) => state === 'leftover'));
    // Blocked, or not up yet. Who is left to a call, or has an open handle, ends with the process.
    const kept = members.all.filter(({ state }) => state === 'leftover' || state === 'leaving');
    const keptIds = kept.map(({ threadId }) => threadId);
    for (const one of members.all) if (!kept.includes(one)) one.terminate();
    for (const worker of workers.all) if (!keptIds.includes(worker.threadId)) void worker.terminate();
    await until(() => members.all.length === 0);
    clearInterval(watch);
    return members.all.length === 0;
  }

  async function until(condition: () => boolean): Promise<void> {
    const byMs = monotonicMs() + closeMs;
    while (!condition() && monotonicMs() < byMs) await sleep(closeLookMs);
  }

  return {
    get idle() {
      return members.idle;
    },
    get idleForJobs() {
      return members.idleForJobs;
    },
    get changing() {
      return members.counts.starting + members.counts.ending;
    },
    get total() {
      return members.total;
    },
    get forJobs() {
      return members.forJobs;
    },
    get capacity() {
      return capacity();
    },
    get leftover() {
      return members.counts.leftover;
    },
    get stuck() {
      return members.counts.stuck;
    },
    run(errand) {
      const idle = members.nextForCalls();
      if (idle === undefined) throw new RangeError('no thread is idle');
      idle.line.send(errand);
      return idle.threadId;
    },
    runJob(errand) {
      const idle = members.nextForJobs();
      if (idle === undefined) throw new RangeError('no thread is idle');
      if (!idle.isForJobs) {
        roles.turnToJobs(idle);
        keepMinimum();
      }
      idle.line.send(errand);
      return idle.threadId;
    },
    look() {
      for (const { line } of members.all) line.look();
    },
    grow: start,
    leave: (threadId) => members.at(threadId)?.leave(),
    terminate: (threadId, call) => members.at(threadId)?.terminate(call),
    watchCore: (threadId) => members.at(threadId)?.watchCore(),
    gone: (threadId) => members.at(threadId)?.ended,
    warm: () => warmed.promise,
    close,
    emptied: emptied.promise,
  };
}
