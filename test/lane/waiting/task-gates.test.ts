// Tasks that may have only so many threads (`limits.concurrent`), as the waiting room sees to it.
import { describe, expect, it } from 'vitest';
import type { Ticket } from '#src/lane/pending-call.js';
import { createWaitingRoom, type WaitingCall, type WaitingRoom } from '#src/lane/waiting/waiting-room.js';
import { pseudoRandom } from '../../../bench/pseudo-random.js';

const ms = 1_000;

interface Call extends WaitingCall {
  readonly name: string;
  readonly task: string;
}

interface Room {
  readonly waiting: WaitingRoom<Call>;
  /** Of each task, and in their order. */
  readonly running: Call[];
  nowMs: number;
  /** @throws AppError OVERLOADED */
  enter(task: string, estimateUs?: number, client?: string): Call;
  enterJob(task: string): Call;
  /** Sends what may go. */
  pump(): void;
  end(call: Call): void;
  cancel(call: Call): void;
  /** A thread gives it back, not begun. */
  returns(call: Call): void;
  names(): string[];
}

/** @param limits of tasks; any other has none */
function room(
  max: number,
  limits: Readonly<Record<string, number>>,
  { maxQueue = 1_000, maxWaitMs = 60_000 } = {},
): Room {
  const running: Call[] = [];
  const sentMs = new Map<Call, number>();
  let made = 0;
  const waiting = createWaitingRoom<Call>(
    { maxQueue, maxWaitMs },
    {
      max,
      jobRoom: () => Math.max(0, Math.max(1, max - 1) - running.length),
      freeForJobs: max,
      get inFlight() {
        return running.filter(({ ticket }) => !ticket.isJob).length;
      },
      get longInFlight() {
        return running.filter(({ estimateUs }) => estimateUs >= 100 * ms).length;
      },
      get inFlightUs() {
        return running.reduce((sum, { estimateUs }) => sum + estimateUs, 0);
      },
      busy: (nowMs) =>
        running.map((call) => ({
          remainingUs: Math.max(0, call.estimateUs - (nowMs - (sentMs.get(call) ?? 0)) * 1_000),
          isLong: call.estimateUs >= 100 * ms,
        })),
    },
    () => 0,
  );
  const leave = (call: Call): void => void running.splice(running.indexOf(call), 1);
  function rulesOf(task: string) {
    const concurrent = limits[task];
    return { name: task, definition: { limits: concurrent === undefined ? {} : { concurrent } } };
  }
  function comes(task: string, estimateUs: number, ticket: Ticket): Call {
    const { key, seq, client } = ticket;
    const name = `${task}${++made}`;
    const batchable = estimateUs < ms;
    const arrivedMs = self.nowMs;
    const call = { name, task, ticket, key, seq, options: { client }, arrivedMs, estimateUs, batchable };
    waiting.add(call);
    return call;
  }
  const self: Room = {
    waiting,
    running,
    nowMs: 0,
    enter(task, estimateUs = 10 * ms, client = 'a') {
      const rules = rulesOf(task);
      waiting.checkRoom(client, self.nowMs, rules);
      return comes(task, estimateUs, waiting.admit(client, estimateUs, undefined, self.nowMs, rules));
    },
    enterJob: (task) => comes(task, 10 * ms, waiting.admitJob('job', 10 * ms, rulesOf(task))),
    pump() {
      while (running.length < max) {
        const calls = waiting.take(max - running.length, self.nowMs);
        if (calls.length === 0) return;
        for (const call of calls) {
          running.push(call);
          sentMs.set(call, self.nowMs);
        }
      }
    },
    end(call) {
      leave(call);
      waiting.giveBack(call.ticket, call.estimateUs, self.nowMs);
    },
    cancel(call) {
      expect(waiting.remove(call)).toBe(true);
      waiting.giveBack(call.ticket, undefined, self.nowMs);
    },
    returns(call) {
      leave(call);
      waiting.add(call);
    },
    names: () => running.map(({ name }) => name),
  };
  return self;
}

const overloaded = expect.objectContaining({ code: 'OVERLOADED' });

describe('a task that may have one thread of two', () => {
  it('has one, and nobody waits behind its calls', () => {
    const { enter, pump, end, names, waiting, running } = room(2, { single: 1 });
    for (const task of ['single', 'single', 'single', 'other']) enter(task);
    pump();
    expect(names()).toEqual(['single1', 'other4']);
    expect([waiting.size, waiting.startable, waiting.first]).toEqual([2, 0, undefined]);
    for (const call of running.slice(0, 1)) end(call);
    expect(waiting.first).toMatchObject({ name: 'single2' });
    pump();
    expect(names()).toEqual(['other4', 'single2']);
  });

  it('takes its own calls in the order of all', () => {
    const { enter, pump, end, names, running } = room(2, { single: 1 });
    enter('single', 10 * ms, 'a');
    pump();
    enter('single', 50 * ms, 'a');
    enter('single', 50 * ms, 'a');
    enter('single', 1 * ms, 'b');
    for (const call of running.slice()) end(call);
    pump();
    expect(names()).toEqual(['single4']);
  });

  it('gives the place of a call that waits in a queue to one that comes before it', () => {
    const { enter, pump, end, names } = room(1, { single: 1 });
    const other = enter('other');
    pump();
    enter('single', 50 * ms, 'a');
    enter('single', 1 * ms, 'b');
    end(other);
    pump();
    expect(names()).toEqual(['single3']);
  });

  it('gives the place of a call that was cancelled to the next, and none for one that was held', () => {
    const { enter, pump, cancel, names } = room(1, { single: 1 });
    enter('other');
    pump();
    const [first, second, third] = [enter('single'), enter('single'), enter('single')];
    cancel(second);
    cancel(first);
    expect(names()).toEqual(['other1']);
    cancel(third);
  });

  it('keeps the place of a call that comes back from a thread', () => {
    const { enter, pump, returns, names, running } = room(2, { single: 1 });
    enter('single');
    enter('single');
    pump();
    for (const call of running.slice()) returns(call);
    pump();
    expect(names()).toEqual(['single1']);
  });

  it('has its jobs behind its calls, and none of them where it has its threads', () => {
    const { enter, enterJob, pump, end, names, running, waiting } = room(3, { single: 1 });
    enterJob('single');
    pump();
    enterJob('single');
    enter('single');
    enterJob('other');
    pump();
    expect([names(), waiting.jobs, waiting.size]).toEqual([['single1', 'other4'], 1, 1]);
    for (const call of running.slice(0, 1)) end(call);
    pump();
    expect(names()).toEqual(['other4', 'single3']);
  });

  it('is not let in as if it had all threads', () => {
    const { enter, pump } = room(4, { single: 1 }, { maxWaitMs: 1_000 });
    enter('single', 90 * ms);
    pump();
    // 90 ms each, one after the other: with four threads 40 of them would be done in time.
    let entered = 0;
    expect(() => {
      for (; entered < 100; entered++) enter('single', 90 * ms);
    }).toThrow(overloaded);
    expect(entered).toBe(11);
  });

  it('does not hold up the estimate of others, who have the other threads', () => {
    const { enter, pump } = room(2, { single: 1 }, { maxWaitMs: 1_000 });
    for (let i = 0; i < 11; i++) enter('single', 90 * ms);
    pump();
    // On the other thread: 990 ms and no more.
    let entered = 0;
    expect(() => {
      for (; entered < 100; entered++) {
        enter('other', 90 * ms, 'b');
        pump();
      }
    }).toThrow(overloaded);
    expect(entered).toBeGreaterThanOrEqual(11);
  });

  it('fills the queue by count with what it holds, but not for a call that starts at once', () => {
    const { enter, pump, waiting } = room(2, { single: 1 }, { maxQueue: 3 });
    for (let i = 0; i < 4; i++) {
      enter('single');
      pump();
    }
    expect(waiting.size).toBe(3);
    expect(() => enter('single')).toThrow(overloaded);
    enter('other');
    pump();
    expect(() => enter('other')).toThrow(overloaded);
  });
});

it.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'whatever comes and goes: no task has more than its threads, none is idle for nothing, no call is lost (%i)',
  (seed) => {
    const random = pseudoRandom(seed);
    const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)];
    const limits: Readonly<Record<string, number>> = { a: 1, b: 2, c: 3 };
    const tasks = ['a', 'b', 'c', 'free'];
    const max = 1 + Math.floor(random() * 5);
    // Shorter than what is kept from all threads, some of them short enough to travel together.
    const lengths = [100, 400, 2 * ms, 50 * ms];
    const self = room(max, limits, { maxQueue: 40 });
    const held = new Set<Call>();
    let admitted = 0;
    let ended = 0;

    function check(): void {
      self.pump();
      for (const call of self.running) held.delete(call);
      const onThreads = (task: string) => self.running.filter((call) => call.task === task).length;
      for (const [task, most] of Object.entries(limits)) expect(onThreads(task)).toBeLessThanOrEqual(most);
      const calls = [...held].filter(({ ticket }) => !ticket.isJob);
      const isIdle = (most: number) => self.running.length < most;
      // Jobs have all threads but one, once no call could have them.
      if (isIdle(max)) for (const { task } of calls) expect(onThreads(task)).toBe(limits[task] ?? max);
      if (isIdle(Math.max(1, max - 1)))
        for (const { task } of held) expect(onThreads(task)).toBe(limits[task] ?? max);
      expect([self.waiting.size, self.waiting.jobs]).toEqual([calls.length, held.size - calls.length]);
      expect(self.waiting.tickets).toBe(admitted - ended);
    }

    for (let step = 0; step < 3_000; step++) {
      self.nowMs += random() * 5;
      const running = pick(self.running);
      const waits = pick([...held]);
      const chance = random();
      if (chance < 0.1) {
        if (self.waiting.jobs < 10) {
          held.add(self.enterJob(pick(tasks) ?? 'free'));
          admitted++;
        }
      } else if (chance < 0.5) {
        try {
          held.add(self.enter(pick(tasks) ?? 'free', pick(lengths), pick(['x', 'y', 'z'])));
          admitted++;
        } catch (error) {
          expect(error).toEqual(overloaded);
        }
      } else if (chance < 0.9 && running !== undefined) {
        self.end(running);
        ended++;
      } else if (chance < 0.95 && waits !== undefined) {
        self.cancel(waits);
        held.delete(waits);
        ended++;
      } else if (running !== undefined) {
        self.returns(running);
        held.add(running);
      }
      check();
    }
    while (self.running.length > 0) {
      for (const call of self.running.slice()) {
        self.end(call);
        ended++;
      }
      check();
    }
    expect([self.waiting.size, self.waiting.tickets, ended]).toEqual([0, 0, admitted]);
  },
);
