// Threads for calls, and threads for jobs: how one turns to jobs, and how far each kind steps back, so that calls go first.
// Which of the two a message is for, in-flight.ts knows; which threads there are, threads.ts.
import type { PoolThread } from './pool-thread.js';
import type { ThreadMembers } from './thread-members.js';

export interface ThreadRoles {
  /** It was for calls. */
  turnToJobs(thread: PoolThread): void;
  /** To be called when a thread is up, or gone: where none is for jobs, all step back as far as they may. */
  stepBack(): void;
  /**
   * Beside jobs threads for calls that are as far back as these end, one after the other, and others take their places: each
   * once another one is there that goes first.
   */
  makeWay(): void;
}

export interface RolesHost {
  /** Whether threads may be started and ended for this now. */
  mayMakeWay(): boolean;
  /** Whether there is a place for one more. */
  hasPlace(): boolean;
  start(): void;
}

export function createThreadRoles(members: ThreadMembers, host: RolesHost): ThreadRoles {
  function makeWay(): void {
    const { all, counts } = members;
    if (counts.forJobs === 0 || counts.starting + counts.ending > 0 || !host.mayMakeWay()) return;
    const forCalls = all.filter(({ state, isForJobs }) => state === 'up' && !isForJobs);
    const farBack = forCalls.filter((one) => one.isFarBack);
    if (farBack.length === 0) return;
    if (farBack.length === forCalls.length && host.hasPlace()) host.start();
    else farBack.find(({ isIdle }) => isIdle)?.leave();
  }

  return {
    turnToJobs(thread) {
      thread.turnToJobs();
      thread.stepFarBack();
      members.recount();
      makeWay();
    },
    stepBack() {
      if (members.counts.forJobs > 0) return;
      for (const one of members.all) if (one.state === 'up') one.stepFarBack();
    },
    makeWay,
  };
}
