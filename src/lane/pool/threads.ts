// The threads: says how many there are, starts them, and hands each message to a free one. The only importer of piscina,
// which makes the workers, with a heap limit and a queue of starts, and tells of each one's end; when one starts, ends or
// is given a message is decided here. Which call runs when is thread-lane.ts; how one thread lives and ends,
// pool-thread.ts; what happens inside, thread-entry.ts.
import { setTimeout as sleep } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';
import { Piscina, type TaskQueue } from 'piscina';
import { monotonicMs } from '../../clock.js';
import type { ThreadData, ThreadLogLine, ThreadSession } from '../../thread/protocol.js';
import { withResolvers } from '../with-resolvers.js';
import type { CoreWatch } from './core-time.js';
import { createPoolThread, type PoolThread, type ThreadState } from './pool-thread.js';
import { createStartFailures } from './start-failures.js';
import { createStartQueue, type StartCandidate } from './start-queue.js';
import type { SentMessage } from './thread-channel.js';
import { threadBoot } from './thread-code.js';

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
  /** A thread could not be loaded. Told once, until one can: meanwhile it is tried again and again. */
  unstartable(error: unknown): void;
  /** The system has no room for another thread. Once, until it has. */
  refused(error: unknown): void;
  /** It has room again. */
  granted(): void;
  /** A thread was terminated and does not end. */
  stuck(counts: { readonly stuck: number }): void;
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
  /** Starts one more; to be called only while none is idle and there are fewer than the capacity. */
  grow(): void;
  /** Tells a thread whose event loop turns to end by itself. */
  leave(threadId: number): void;
  /** Ends a thread that is blocked; what it had is lost once it is really gone, if not answered. */
  terminate(threadId: number): void;
  /** What a thread has of a core, from now on. */
  watchCore(threadId: number): CoreWatch | undefined;
  /** Resolves when a thread that was terminated is gone, or stuck; undefined where it is none. */
  gone(threadId: number): Promise<void> | undefined;
  /** Resolves when one thread is ready. */
  warm(): Promise<void>;
  /** Ends all, but for those that are stuck or left to a call. @returns whether none is there any more */
  close(): Promise<boolean>;
}

/**
 * Threads that may be left to calls, or stuck, beside those that work: each holds some 10 MiB and what its call
 * holds, and their native work shares the four threads of libuv's pool with that of all others. From here on the
 * process should be replaced; meanwhile each further one takes a place of those that work.
 */
const leastLingering = 8;
const lingeringPerThread = 2;

const lookEveryMs = 1_000;
/** How long threads that end by themselves may take to, where all are ended. */
const closeMs = 150;
const closeLookMs = 5;

export function createThreads(options: ThreadsOptions, events: ThreadsEvents): Threads {
  const starts = createStartQueue<Parameters<TaskQueue['push']>[0], PoolThread>();
  // How many there are is decided here: piscina would replace one that has died by one without a session, and counts
  // those that linger.
  const pool = new Piscina({
    filename: threadBoot,
    minThreads: 0,
    maxThreads: Number.MAX_SAFE_INTEGER,
    idleTimeout: Number.POSITIVE_INFINITY,
    concurrentTasksPerWorker: 1,
    recordTiming: false,
    resourceLimits: { maxOldGenerationSizeMb: options.maxHeapMb },
    workerData: options.data,
    taskQueue: starts,
    loadBalancer: (_start, threads) => starts.taker(threads),
  });
  const maxLingering = Math.max(leastLingering, lingeringPerThread * options.max);
  const failures = createStartFailures();
  let members: readonly PoolThread[] = [];
  /** Counted where one changes, not for each call. */
  let counts = tally(members);
  let retry: NodeJS.Timeout | undefined;
  let retirement: NodeJS.Timeout | undefined;
  let watch: NodeJS.Timeout | undefined;
  let isWorn = false;
  /** A thread has loaded all tasks. */
  let isProven = false;
  /** Closed, or given up. */
  let over = false;
  const warmed = withResolvers<void>();
  warmed.promise.catch(() => undefined);

  // Without a listener the death of a thread without a session would be an uncaught exception of this process.
  pool.on('error', (error: unknown) => events.died(error));
  // Told before piscina gives it anything.
  pool.on('workerCreate', ({ id }: StartCandidate) => starts.grant(id));
  // Told before piscina rejects what the thread was at, and before it takes the thread off its own list.
  pool.on('workerDestroy', () => void setImmediate(withdrawStarts));
  keepMinimum();

  /** piscina starts a thread for a session that no idle one can take; the session ends with its thread. */
  function start(): void {
    const { port1, port2 } = new MessageChannel();
    const member = createPoolThread(port1, options.nice, {
      ready: (threadId) => pool.threads.find((thread) => thread.threadId === threadId),
      log: events.log,
      idle() {
        makeWay();
        scheduleRetirement();
      },
      changed(state) {
        if (state === 'up' && counts.forJobs === 0) member.stepFarBack();
        changed(state);
        makeWay();
      },
    });
    // Until one thread has loaded all of them, so that a file that none can load is told at boot.
    const load = isProven ? options.served() : options.data.tasks.map((_task, index) => index);
    const session: ThreadSession = { port: port2, load };
    hold([...members, member]);
    try {
      starts
        .startFor(member, () => pool.run(session, { transferList: [port2] }))
        .then(
          () => dismiss(member, new Error('a session ended before its thread')),
          (error: unknown) => dismiss(member, error),
        );
    } catch (error) {
      starts.withdrawOf(member);
      port2.close();
      hold(members.filter((one) => one !== member));
      refused(error);
    }
  }

  function hold(these: readonly PoolThread[]): void {
    members = these;
    counts = tally(members);
    if (counts.forJobs === 0) for (const member of members) if (member.state === 'up') member.stepFarBack();
  }

  function changed(state: ThreadState): void {
    counts = tally(members);
    if (state === 'up') {
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
    if (state === 'stuck') events.stuck({ stuck: counts.stuck });
    if (state === 'leftover' || state === 'stuck') wear();
    keepMinimum();
    events.changed();
  }

  /** Whether it is time for a new process. */
  function wear(): void {
    const isLost = counts.stuck > 0 && capacity() === 0;
    if (isWorn || (lingering() < maxLingering && !isLost)) return;
    isWorn = true;
    events.worn({ leftover: counts.leftover, stuck: counts.stuck });
  }

  function lookAtEnds(): void {
    for (const member of members) member.look();
    if (members.some(({ state }) => state !== 'up' && state !== 'starting')) return;
    clearInterval(watch);
    watch = undefined;
  }

  /** Its thread is gone, or never came. */
  function dismiss(member: PoolThread, error: unknown): void {
    const { state, line } = member;
    const wasBusy = line.isBusy;
    hold(members.filter((one) => one !== member));
    member.dismiss(member.fault ?? error);
    if (over) return;
    if (state === 'starting' && !member.isOutdated) {
      diedInBoot(member.fault ?? error);
      return;
    }
    if (state === 'starting') events.outdated(member.fault);
    if (state === 'up' && (member.fault !== undefined || !wasBusy)) events.died(member.fault ?? error);
    keepMinimum();
    events.changed();
  }

  /** A thread that dies while it boots leaves its session in the queue. */
  function withdrawStarts(): void {
    for (let stale = members.length - pool.threads.length; stale > 0; stale--) {
      const member = starts.withdraw();
      if (member === undefined) return;
      dismiss(member, new Error('a thread ended before it was ready'));
    }
  }

  function diedInBoot(cause: unknown): void {
    failures.died();
    if (failures.deaths === 1) events.unstartable(cause);
    if (failures.deaths >= options.min) warmed.reject(cause);
    if (failures.isHopeless && !members.some(({ state }) => state === 'up')) {
      over = true;
      events.unusable(new Error(`${failures.deaths} threads in a row could not be started`, { cause }));
      return;
    }
    tryAgain();
  }

  /** The system has no room for another thread now: those that there are go on. */
  function refused(error: unknown): void {
    const isFirst = !failures.isRefused;
    failures.refused();
    if (isFirst) events.refused(error);
    wear();
    tryAgain();
  }

  function tryAgain(): void {
    clearTimeout(retry);
    retry = setTimeout(() => {
      retry = undefined;
      // Whether there is room again shows only by trying.
      if (failures.isRefused && total() < mostNow()) start();
      keepMinimum();
      events.changed();
    }, failures.delayMs).unref();
  }

  function keepMinimum(): void {
    const most = Math.min(options.min, capacity());
    while (!over && retry === undefined && total() < most) start();
  }

  /** Beside jobs calls go first: their threads are those that have not stepped back so far. */
  function turnToJobs(thread: PoolThread): void {
    thread.turnToJobs();
    thread.stepFarBack();
    counts = tally(members);
    makeWay();
    keepMinimum();
  }

  /**
   * Beside jobs threads for calls that are as far back as these end, one after the other, and others take their places: each
   * once another one is there that goes first.
   */
  function makeWay(): void {
    if (over || counts.forJobs === 0 || failures.isRefused || counts.starting + counts.ending > 0) return;
    const forCalls = members.filter(({ state, isForJobs }) => state === 'up' && !isForJobs);
    const farBack = forCalls.filter((one) => one.isFarBack);
    if (farBack.length === 0) return;
    if (farBack.length === forCalls.length && total() < capacity()) {
      if (retry === undefined) start();
    } else farBack.find(({ isIdle }) => isIdle)?.leave();
  }

  function total(): number {
    return counts.starting + counts.up + counts.ending;
  }

  /** A thread for jobs serves calls where there is no other, nor could one be started. */
  function isForCalls({ isForJobs }: PoolThread): boolean {
    return !isForJobs || total() === 0;
  }

  function lingering(): number {
    return counts.leftover + counts.stuck;
  }

  /** Where no further thread can be started, those that there are. */
  function capacity(): number {
    return failures.isRefused
      ? Math.min(mostNow(), Math.max(total(), Math.min(1, counts.forJobs)))
      : mostNow();
  }

  /** Those that linger beyond their number take the places of others. */
  function mostNow(): number {
    return Math.max(0, options.max - Math.max(0, lingering() - maxLingering));
  }

  function scheduleRetirement(): void {
    if (total() > options.min || counts.forJobs > 0)
      retirement ??= setTimeout(retire, options.idleTimeoutMs).unref();
  }

  /** Ends threads above the minimum that had nothing to do for long: the last ones, since the first are given work first. */
  function retire(): void {
    retirement = undefined;
    const nowMs = monotonicMs();
    const staying = members.filter(({ state, hasPlace }) => hasPlace && state !== 'ending');
    const jobThreads = staying.filter(({ isForJobs }) => isForJobs).length;
    let spare = staying.length - jobThreads - options.min;
    // One that serves calls because there is no other stays.
    let spareForJobs = total() === 0 ? jobThreads - 1 : jobThreads;
    let nextMs = Number.POSITIVE_INFINITY;
    for (const member of members.toReversed()) {
      if ((member.isForJobs ? spareForJobs : spare) <= 0 || !member.isIdle) continue;
      const leftMs = member.idleSinceMs + options.idleTimeoutMs - nowMs;
      if (leftMs > 0) {
        nextMs = Math.min(nextMs, leftMs);
        continue;
      }
      if (member.isForJobs) spareForJobs--;
      else spare--;
      member.leave();
    }
    if (nextMs < Number.POSITIVE_INFINITY) retirement = setTimeout(retire, nextMs).unref();
  }

  const member = (threadId: number): PoolThread | undefined =>
    members.find((one) => one.threadId === threadId);

  async function close(): Promise<boolean> {
    over = true;
    clearTimeout(retry);
    clearTimeout(retirement);
    for (const one of members) one.leave();
    await until(() => members.every(({ state }) => state === 'leftover'));
    // Blocked, or not up yet. Who is left to a call, or has an open handle, ends with the process.
    const kept = members.filter(({ state }) => state === 'leftover' || state === 'leaving');
    const keptIds = kept.map(({ threadId }) => threadId);
    for (const one of members) if (!kept.includes(one)) one.terminate();
    for (const thread of pool.threads) if (!keptIds.includes(thread.threadId)) void thread.terminate();
    await until(() => members.length === 0);
    clearInterval(watch);
    return members.length === 0;
  }

  async function until(condition: () => boolean): Promise<void> {
    const byMs = monotonicMs() + closeMs;
    while (!condition() && monotonicMs() < byMs) await sleep(closeLookMs);
  }

  return {
    get idle() {
      let idle = 0;
      for (const member of members) if (member.isIdle && isForCalls(member)) idle++;
      return idle;
    },
    get idleForJobs() {
      let idle = 0;
      let idleForJobs = 0;
      for (const { isIdle, isForJobs } of members) {
        if (isIdle && isForJobs) idleForJobs++;
        else if (isIdle) idle++;
      }
      return idleForJobs + Math.min(idle, options.maxJobs - counts.forJobs);
    },
    get forJobs() {
      const these = members.filter((one) => one.hasPlace && !isForCalls(one));
      return { total: these.length, idle: these.filter(({ isIdle }) => isIdle).length };
    },
    get changing() {
      return counts.starting + counts.ending;
    },
    get total() {
      return total();
    },
    get capacity() {
      return capacity();
    },
    get leftover() {
      return counts.leftover;
    },
    get stuck() {
      return counts.stuck;
    },
    run(errand) {
      const idle = members.find((one) => one.isIdle && isForCalls(one));
      if (idle === undefined) throw new RangeError('no thread is idle');
      idle.line.send(errand);
      return idle.threadId;
    },
    runJob(errand) {
      const idle =
        members.find(({ isIdle, isForJobs }) => isIdle && isForJobs) ??
        members.findLast(({ isIdle }) => isIdle);
      if (idle === undefined) throw new RangeError('no thread is idle');
      if (!idle.isForJobs) turnToJobs(idle);
      idle.line.send(errand);
      return idle.threadId;
    },
    look() {
      for (const { line } of members) line.look();
    },
    grow() {
      if (!over && retry === undefined) start();
    },
    leave: (threadId) => member(threadId)?.leave(),
    terminate: (threadId) => member(threadId)?.terminate(),
    watchCore: (threadId) => member(threadId)?.watchCore(),
    gone: (threadId) => member(threadId)?.ended,
    warm: () => warmed.promise,
    close,
  };
}

/** By state; those that have a place and are for jobs apart. */
function tally(members: readonly PoolThread[]): Record<ThreadState | 'forJobs', number> {
  const counts = { starting: 0, up: 0, ending: 0, leftover: 0, leaving: 0, stuck: 0, forJobs: 0 };
  for (const { state, isForJobs, hasPlace } of members) counts[isForJobs && hasPlace ? 'forJobs' : state]++;
  return counts;
}
