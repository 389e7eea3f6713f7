// Which threads there are, how many of each kind, and which of them takes the next message. It starts and ends none: that
// is threads.ts.
import type { PoolThread, ThreadState } from './pool-thread.js';

export interface ThreadMembers {
  readonly all: readonly PoolThread[];
  readonly counts: ThreadCounts;
  /** Threads for calls that have a place: they work, will, or are about to make room. */
  readonly total: number;
  /** Threads for calls that are up and have no message. */
  readonly idle: number;
  /** Threads that could take a job: those for jobs, and those for calls that may turn to jobs. */
  readonly idleForJobs: number;
  /** Those for jobs alone. */
  readonly forJobs: { readonly total: number; readonly idle: number };
  add(thread: PoolThread): void;
  remove(thread: PoolThread): void;
  /** One has another state, or another role. */
  recount(): void;
  at(threadId: number): PoolThread | undefined;
  /** The one that gets the next message of calls. */
  nextForCalls(): PoolThread | undefined;
  /** The one that gets the next job; it may be one for calls, that is to turn to jobs. */
  nextForJobs(): PoolThread | undefined;
}

/** By state; those that have a place and are for jobs apart. */
export type ThreadCounts = Readonly<Record<ThreadState | 'forJobs', number>>;

/** @param maxJobs most threads for jobs */
export function createThreadMembers(maxJobs: number): ThreadMembers {
  let all: readonly PoolThread[] = [];
  /** Counted where one changes, not for each call. */
  let counts = tally(all);

  function hold(these: readonly PoolThread[]): void {
    all = these;
    counts = tally(all);
  }

  const total = (): number => counts.starting + counts.up + counts.ending;

  /** A thread for jobs serves calls where there is no other, nor could one be started. */
  function isForCalls({ isForJobs }: PoolThread): boolean {
    return !isForJobs || total() === 0;
  }

  return {
    get all() {
      return all;
    },
    get counts() {
      return counts;
    },
    get total() {
      return total();
    },
    get idle() {
      let idle = 0;
      for (const one of all) if (one.isIdle && isForCalls(one)) idle++;
      return idle;
    },
    get idleForJobs() {
      let idle = 0;
      let idleForJobs = 0;
      for (const { isIdle, isForJobs } of all) {
        if (isIdle && isForJobs) idleForJobs++;
        else if (isIdle) idle++;
      }
      return idleForJobs + Math.min(idle, maxJobs - counts.forJobs);
    },
    get forJobs() {
      const these = all.filter((one) => one.hasPlace && !isForCalls(one));
      return { total: these.length, idle: these.filter(({ isIdle }) => isIdle).length };
    },
    add: (thread) => hold([...all, thread]),
    remove: (thread) => hold(all.filter((one) => one !== thread)),
    recount: () => hold(all),
    at: (threadId) => all.find((one) => one.threadId === threadId),
    nextForCalls: () => all.find((one) => one.isIdle && isForCalls(one)),
    nextForJobs: () =>
      all.find(({ isIdle, isForJobs }) => isIdle && isForJobs) ?? all.findLast(({ isIdle }) => isIdle),
  };
}

function tally(threads: readonly PoolThread[]): ThreadCounts {
  const counts = { starting: 0, up: 0, ending: 0, leftover: 0, leaving: 0, stuck: 0, forJobs: 0 };
  for (const { state, isForJobs, hasPlace } of threads) counts[isForJobs && hasPlace ? 'forJobs' : state]++;
  return counts;
}
