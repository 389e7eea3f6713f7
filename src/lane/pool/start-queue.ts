// Starts that wait for piscina's next thread, in piscina's stead. So one whose thread never came can be taken out again:
// left there, it would be given the thread of the next start. And a thread that is ready is given one start and no look
// at the others: for each of those piscina would start a further thread, as long as it may (seen in 5.3.2). It gets that
// start itself: piscina may choose one that is not ready yet, and leave the one that is to a start that comes later, for
// which then no thread is started. So there is a thread on its way for each start that waits.

/** A thread as piscina shows it. */
export interface StartCandidate {
  readonly id: number;
  /** How many starts it has. */
  readonly currentUsage: number;
}

/** @typeParam Start what piscina waits with; @typeParam Owner whose start it is */
export interface StartQueue<Start extends object, Owner> {
  /** Of those that piscina may have now. */
  readonly size: number;
  shift(): Start | null;
  push(start: Start): void;
  unshift(start: Start): void;
  remove(start: Start): void;
  /** This thread is ready for one of them. */
  grant(threadId: number): void;
  /** Which of these gets it. */
  taker<Candidate extends StartCandidate>(threads: readonly Candidate[]): Candidate | null;
  /** What is pushed for the first time while it acts is the owner's. */
  startFor<T>(owner: Owner, act: () => T): T;
  /** Takes out the one that has waited longest, and says whose it was. */
  withdraw(): Owner | undefined;
  withdrawOf(owner: Owner): void;
}

export function createStartQueue<Start extends object, Owner>(): StartQueue<Start, Owner> {
  const starts: Start[] = [];
  const owners = new WeakMap<Start, Owner>();
  let starting: Owner | undefined;
  let granted = 0;
  let readyId: number | undefined;

  function own(start: Start): Start {
    if (starting !== undefined && !owners.has(start)) owners.set(start, starting);
    return start;
  }

  function remove(start: Start): void {
    const index = starts.indexOf(start);
    if (index >= 0) starts.splice(index, 1);
  }

  return {
    get size() {
      return Math.min(granted, starts.length);
    },
    shift() {
      granted = 0;
      return starts.shift() ?? null;
    },
    grant(threadId) {
      granted = 1;
      readyId = threadId;
    },
    taker: (threads) => threads.find(({ id, currentUsage }) => id === readyId && currentUsage === 0) ?? null,
    push: (start) => void starts.push(own(start)),
    unshift: (start) => void starts.unshift(own(start)),
    remove,
    startFor(owner, act) {
      starting = owner;
      try {
        return act();
      } finally {
        starting = undefined;
      }
    },
    withdraw() {
      const start = starts.shift();
      return start && owners.get(start);
    },
    withdrawOf(owner) {
      const start = starts.find((one) => owners.get(one) === owner);
      if (start !== undefined) remove(start);
    },
  };
}
