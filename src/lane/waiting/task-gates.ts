// Tasks that may have only so many threads at once (`limits.concurrent`): as many of their calls stand in the queues or
// run, each with a place of its task's; the others are held here, in front of the queues, so that nobody waits behind
// them. A place goes back with its call's ticket, to the call that is first. What the queues are is waiting-room.ts.
import { type CallQueue, createCallQueue } from './call-queue.js';
import { type ExpectedWait, fill } from './expected-wait.js';
import { isBefore, type Waiting } from './treap.js';

/** A call, as far as it concerns its gate. */
export interface Gated extends Waiting {
  readonly ticket: { readonly gate: string | undefined; readonly isJob: boolean; hasPlace: boolean };
}

export interface TaskGates<T extends Gated> {
  /** Jobs that are held: they come behind all calls of their task, and in nothing that follows. */
  readonly jobs: number;
  /** Calls that are held, and their estimated work. */
  readonly size: number;
  readonly workUs: number;
  /** For a task's next call: the gate's name, undefined where the task has no such limit. */
  gate(task: string, concurrent: number | undefined): string | undefined;
  /** Whether its next call would be held. */
  isFull(gate: string): boolean;
  /** A call comes, or comes back. */
  add(call: T): void;
  /** A call that waits leaves. False where it is not held: then it is in a queue, if it waits. */
  remove(call: T): boolean;
  /** It was taken from its queue. */
  taken(call: T, nowMs: number): void;
  /** Its ticket is back. @returns whether another call was let through */
  giveBack(ticket: T['ticket']): boolean;
  /**
   * What is held by other gates than this one: estimated µs up to this key, and the threads of those that hold any, which
   * these so have in any case.
   */
  others(key: number, gate: string | undefined): { readonly workUs: number; readonly threads: number };
  /** How long a call of this gate would wait for a place, where it is full. */
  wait(gate: string, key: number, nowMs: number): ExpectedWait;
  clear(): T[];
}

/** A call that has a place; since when it runs. */
interface Placed<T> {
  readonly call: T;
  sentMs: number | undefined;
}

interface Gate<T extends Gated> {
  readonly concurrent: number;
  readonly held: CallQueue<T>;
  readonly heldJobs: CallQueue<T>;
  readonly placed: Map<T['ticket'], Placed<T>>;
}

/** @param queueOf where calls go that have a place */
export function createTaskGates<T extends Gated>(queueOf: (call: T) => CallQueue<T>): TaskGates<T> {
  const gates = new Map<string, Gate<T>>();

  const gateOf = ({ gate }: T['ticket']): Gate<T> | undefined =>
    gate === undefined ? undefined : gates.get(gate);

  function all<Value>(read: (gate: Gate<T>) => Value): Value[] {
    return [...gates.values()].map(read);
  }

  const sum = (read: (gate: Gate<T>) => number): number => all(read).reduce((total, one) => total + one, 0);

  function letThrough(gate: Gate<T>, call: T): void {
    call.ticket.hasPlace = true;
    gate.placed.set(call.ticket, { call, sentMs: undefined });
    queueOf(call).add(call);
  }

  const heldOf = (gate: Gate<T>, { ticket }: T): CallQueue<T> => (ticket.isJob ? gate.heldJobs : gate.held);

  const isFirst = (a: T, b: T): boolean =>
    a.ticket.isJob === b.ticket.isJob ? isBefore(a, b) : b.ticket.isJob;

  /** The last of those that have a place and wait, where it comes behind this call. */
  function behind(gate: Gate<T>, call: T): T | undefined {
    let last = call;
    for (const { call: other, sentMs } of gate.placed.values())
      if (sentMs === undefined && isFirst(last, other)) last = other;
    return last === call ? undefined : last;
  }

  function withdraw(gate: Gate<T>, call: T): void {
    queueOf(call).remove(call);
    call.ticket.hasPlace = false;
    gate.placed.delete(call.ticket);
    heldOf(gate, call).add(call);
  }

  return {
    get jobs() {
      return gates.size === 0 ? 0 : sum(({ heldJobs }) => heldJobs.size);
    },
    get size() {
      return gates.size === 0 ? 0 : sum(({ held }) => held.size);
    },
    get workUs() {
      return gates.size === 0 ? 0 : sum(({ held }) => held.workUs);
    },
    gate(task, concurrent) {
      if (concurrent === undefined) return undefined;
      if (!gates.has(task))
        gates.set(task, {
          concurrent,
          held: createCallQueue(),
          heldJobs: createCallQueue(),
          placed: new Map(),
        });
      return task;
    },
    isFull(name) {
      const gate = gates.get(name);
      return gate !== undefined && gate.placed.size >= gate.concurrent;
    },
    add(call) {
      const gate = gateOf(call.ticket);
      if (gate === undefined) {
        queueOf(call).add(call);
        return;
      }
      if (call.ticket.hasPlace) {
        // Back from a thread where it did not begin. Who comes before it gets its place.
        const first = gate.held.at(0);
        letThrough(gate, call);
        if (first === undefined || isFirst(call, first)) return;
        withdraw(gate, call);
        gate.held.remove(first);
        letThrough(gate, first);
        return;
      }
      if (gate.placed.size < gate.concurrent) {
        letThrough(gate, call);
        return;
      }
      const other = behind(gate, call);
      if (other === undefined) heldOf(gate, call).add(call);
      else {
        withdraw(gate, other);
        letThrough(gate, call);
      }
    },
    remove(call) {
      const gate = gateOf(call.ticket);
      return gate !== undefined && heldOf(gate, call).remove(call);
    },
    taken({ ticket }, nowMs) {
      const placed = gateOf(ticket)?.placed.get(ticket);
      if (placed !== undefined) placed.sentMs = nowMs;
    },
    giveBack(ticket) {
      const gate = gateOf(ticket);
      if (gate === undefined || !ticket.hasPlace) return false;
      ticket.hasPlace = false;
      gate.placed.delete(ticket);
      const next = gate.held.at(0) ?? gate.heldJobs.at(0);
      if (next === undefined) return false;
      heldOf(gate, next).remove(next);
      letThrough(gate, next);
      return true;
    },
    others(key, gate) {
      let workUs = 0;
      let threads = 0;
      for (const [name, { held, concurrent }] of gates) {
        if (name === gate || held.size === 0) continue;
        workUs += held.workAheadUs(key);
        threads += concurrent;
      }
      return { workUs, threads };
    },
    wait(name, key, nowMs) {
      const gate = gates.get(name);
      if (gate === undefined) return { waitUs: 0, usable: 1 };
      let aheadUs = gate.held.workAheadUs(key);
      const leftUs: number[] = [];
      for (const { call, sentMs } of gate.placed.values()) {
        if (sentMs !== undefined) leftUs.push(Math.max(0, call.estimateUs - (nowMs - sentMs) * 1_000));
        else if (!call.ticket.isJob && call.key <= key) aheadUs += call.estimateUs;
      }
      while (leftUs.length < gate.concurrent) leftUs.push(0);
      return fill(
        aheadUs,
        leftUs.sort((a, b) => a - b),
      );
    },
    clear: () => all(({ held, heldJobs }) => [...held.clear(), ...heldJobs.clear()]).flat(),
  };
}
