// The threads: the only importer of piscina. Starts, counts and ends them, and hands each message to a free one.
// Which call runs when is lane.ts; what is said to one thread is thread-channel.ts; what happens inside thread-entry.ts.
import { MessageChannel } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { monotonicMs } from '../../clock.js';
import { TaskFileError } from '../../tasks/registry.js';
import type { ThreadData, ThreadLogLine, ThreadSession } from '../../thread/protocol.js';
import { withResolvers } from '../with-resolvers.js';
import { createThreadLine, type Errand, type ThreadLine } from './thread-channel.js';
import { threadBoot } from './thread-code.js';

export interface ThreadsOptions {
  readonly min: number;
  readonly max: number;
  readonly idleTimeoutMs: number;
  readonly maxHeapMb: number;
  readonly data: ThreadData;
}

export interface ThreadsEvents {
  /** A thread became ready, or is gone: ask `idle` again. */
  changed(): void;
  log(line: ThreadLogLine): void;
  /** A thread died that had no message. */
  died(error: unknown): void;
  /** A thread could not be started. Told once, until one can: meanwhile it is tried again and again. */
  unstartable(error: unknown): void;
  /** There is no thread, and none could be started several times in a row. */
  unusable(error: unknown): void;
}

export interface Threads {
  /** Threads that are up and have no message. */
  readonly idle: number;
  /** Threads that are being started, or ended: their places are taken until they are up, or gone. */
  readonly changing: number;
  /** All of them. */
  readonly total: number;
  /** To be called only while one is idle. */
  run(errand: Errand): void;
  /** A thread has rung: takes the answers that are there. */
  look(): void;
  /** Starts one more; to be called only while none is idle and there are fewer than the maximum. */
  grow(): void;
  /** Ends a thread, which gets no more messages; what it had is lost once it is really gone, if not answered. */
  end(threadId: number): void;
  /** Resolves when a thread that is being ended is gone; undefined where it is none. */
  gone(threadId: number): Promise<void> | undefined;
  /** Resolves when one thread is ready. */
  warm(): Promise<void>;
  /** Ends all. */
  close(): Promise<void>;
}

/** Starts that may fail one after the other before the process is given up. */
const maxFailedStarts = 5;
const restartDelayMs = 200;
const longestRestartDelayMs = 5_000;

interface Member {
  readonly line: ThreadLine;
  /** Takes a start that piscina still has in its queue out of it. */
  readonly start: AbortController;
  /** `starting` until it says that it is ready: piscina says "created" before. */
  state: 'starting' | 'up' | 'ending';
  /** Undefined while it starts. */
  threadId: number | undefined;
  /** Why it cannot be loaded. */
  fault: Error | undefined;
  /** When it last became idle. */
  idleSinceMs: number;
}

export function createThreads(options: ThreadsOptions, events: ThreadsEvents): Threads {
  const ending = new Map<number, Promise<void>>();
  // How many there are is decided here: piscina would replace one that has died by one without a session.
  const pool = new Piscina({
    filename: threadBoot,
    minThreads: 0,
    maxThreads: options.max,
    idleTimeout: Number.POSITIVE_INFINITY,
    concurrentTasksPerWorker: 1,
    recordTiming: false,
    resourceLimits: { maxOldGenerationSizeMb: options.maxHeapMb },
    workerData: options.data,
  });
  let members: readonly Member[] = [];
  let failedStarts = 0;
  let retry: NodeJS.Timeout | undefined;
  let retirement: NodeJS.Timeout | undefined;
  /** Closed, or given up. */
  let over = false;
  const warmed = withResolvers<void>();
  warmed.promise.catch(() => undefined);

  // Without a listener the death of a thread without a session would be an uncaught exception of this process.
  pool.on('error', (error: unknown) => events.died(error));
  // Told before piscina rejects what the thread was at, and before it takes the thread off its own list.
  pool.on('workerDestroy', () => void setImmediate(withdrawStarts));
  keepMinimum();

  /** piscina starts a thread for a session that no idle one can take; the session ends with its thread. */
  function start(): void {
    const { port1, port2 } = new MessageChannel();
    const member: Member = {
      line: createThreadLine(port1, {
        ready: (threadId) => welcome(member, threadId),
        log: events.log,
        unloadable(reason, file) {
          member.fault = file === undefined ? new Error(reason) : new TaskFileError(file, reason);
        },
        freed: () => becameIdle(member),
      }),
      start: new AbortController(),
      state: 'starting',
      threadId: undefined,
      fault: undefined,
      idleSinceMs: 0,
    };
    members = [...members, member];
    const session: ThreadSession = { port: port2 };
    const { signal } = member.start;
    pool.run(session, { transferList: [port2], signal }).then(
      () => dismiss(member, new Error('a session ended before its thread')),
      (error: unknown) => dismiss(member, signal.aborted ? signal.reason : error),
    );
  }

  function welcome(member: Member, threadId: number): void {
    if (member.state !== 'starting') return;
    member.state = 'up';
    member.threadId = threadId;
    failedStarts = 0;
    warmed.resolve();
    becameIdle(member);
    events.changed();
  }

  /** Its thread is gone, or never came. */
  function dismiss(member: Member, error: unknown): void {
    const { state } = member;
    const wasBusy = member.line.isBusy;
    members = members.filter((one) => one !== member);
    member.line.break(error);
    if (over) return;
    if (state === 'starting') {
      failedToStart(member.fault ?? error);
      return;
    }
    if (state === 'up' && !wasBusy) events.died(error);
    keepMinimum();
    events.changed();
  }

  /** A thread that dies while it boots leaves its session in piscina's queue. */
  function withdrawStarts(): void {
    const stale = members.length - pool.threads.length;
    const starting = members.filter(({ state }) => state === 'starting');
    for (const member of starting.slice(0, Math.max(0, stale))) {
      member.start.abort(new Error('a thread ended before it was ready'));
    }
  }

  function failedToStart(cause: unknown): void {
    failedStarts++;
    if (failedStarts === 1) events.unstartable(cause);
    if (failedStarts >= options.min) warmed.reject(cause);
    if (failedStarts >= maxFailedStarts && !members.some(({ state }) => state === 'up')) {
      over = true;
      events.unusable(new Error(`${failedStarts} threads in a row could not be started`, { cause }));
      return;
    }
    clearTimeout(retry);
    retry = setTimeout(
      () => {
        retry = undefined;
        keepMinimum();
        events.changed();
      },
      Math.min(restartDelayMs * failedStarts, longestRestartDelayMs),
    ).unref();
  }

  function keepMinimum(): void {
    if (over || retry !== undefined) return;
    while (members.length < options.min) start();
  }

  function becameIdle(member: Member): void {
    member.idleSinceMs = monotonicMs();
    if (members.length > options.min) retirement ??= setTimeout(retire, options.idleTimeoutMs).unref();
  }

  /** Ends threads above the minimum that had nothing to do for long: the last ones, since the first are given work first. */
  function retire(): void {
    retirement = undefined;
    const nowMs = monotonicMs();
    let spare = members.filter(({ state }) => state !== 'ending').length - options.min;
    let nextMs = Number.POSITIVE_INFINITY;
    for (const member of members.toReversed()) {
      if (spare <= 0 || !isIdle(member)) continue;
      const leftMs = member.idleSinceMs + options.idleTimeoutMs - nowMs;
      if (leftMs > 0) {
        nextMs = Math.min(nextMs, leftMs);
        continue;
      }
      spare--;
      end(member);
    }
    if (spare > 0 && nextMs < Number.POSITIVE_INFINITY) retirement = setTimeout(retire, nextMs).unref();
  }

  function end(member: Member): void {
    const { threadId } = member;
    const thread = pool.threads.find((one) => one.threadId === threadId);
    if (thread === undefined || threadId === undefined || member.state === 'ending') return;
    member.state = 'ending';
    ending.set(
      threadId,
      thread.terminate().then(() => void ending.delete(threadId)),
    );
  }

  return {
    get idle() {
      let count = 0;
      for (const member of members) if (isIdle(member)) count++;
      return count;
    },
    get changing() {
      return members.filter(({ state }) => state !== 'up').length;
    },
    get total() {
      return members.length;
    },
    run(errand) {
      const member = members.find(isIdle);
      if (member === undefined) throw new RangeError('no thread is idle');
      member.line.send(errand);
    },
    look() {
      for (const { line } of members) line.look();
    },
    grow() {
      if (!over && retry === undefined) start();
    },
    end(threadId) {
      const member = members.find((one) => one.threadId === threadId);
      if (member !== undefined) end(member);
    },
    gone: (threadId) => ending.get(threadId),
    warm: () => warmed.promise,
    async close() {
      over = true;
      clearTimeout(retry);
      clearTimeout(retirement);
      await pool.destroy();
    },
  };
}

function isIdle({ state, line }: Member): boolean {
  return state === 'up' && !line.isBusy;
}
