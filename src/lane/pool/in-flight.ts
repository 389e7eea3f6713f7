// The messages in flight, a slot each: sent to a free thread, answered or lost with it. Which calls travel together
// is the waiting room's affair; how a thread starts and ends is threads.ts.
import { monotonicMs } from '../../clock.js';
import { AppError } from '../../errors.js';
import type { StopFlag } from '../../tasks/call-context.js';
import type { CallReply } from '../../tasks/reply.js';
import { packCalls, type ThreadCall, type ThreadChunk } from '../../thread/protocol.js';
import { readReplies } from '../../thread/reply-buffer.js';
import type { Control, ControlRow } from '../../thread/shared-rows.js';
import type { CallState, PendingCall } from '../pending-call.js';
import { threadLostError } from '../pending-call.js';
import { isLong } from '../placement.js';
import type { BusyThread } from '../waiting/expected-wait.js';
import type { CoreWatch } from './core-time.js';
import { movableBuffers } from './movable-buffers.js';
import { ThreadMessageError } from './thread-channel.js';
import type { Threads } from './threads.js';

/** After this many messages that died before anything in them began, a call is given up. */
const maxAttempts = 3;

/** A message is late when it takes more than so many times what was estimated, and so much more. */
const lateFactor = 2;
const lateUs = 5_000;

/**
 * When a thread is taken for blocked whose event loop is not seen to turn, though it is to be every 10 ms: once it has
 * used so much of a core meanwhile; once it sleeps, and has been silent for so long; and, where it got no core or nobody
 * knows, at the latest.
 */
const turnsWithinMs = 100;
const asleepAfterMs = 1_000;
const blockedAfterMs = process.platform === 'linux' ? 30_000 : 1_000;

export interface SlotsEvents {
  /** A call's reply; it waited this long for its turn, in ms. */
  replied(call: PendingCall, reply: CallReply, queueMs: number): void;
  /** A call streams; its reply is to come. What is taken of it is to be told. */
  chunk(call: PendingCall, chunk: ThreadChunk, taken: (bytes: number, chunks: number) => void): void;
  /** A call goes on though it was asked to stop: its thread is left to it. */
  leftover(call: PendingCall): void;
  /** A call will get no reply. */
  lost(call: PendingCall, error: AppError): void;
  /** A call that had not begun comes back. */
  returned(call: PendingCall): void;
  /** A slot is free again. */
  freed(): void;
}

export interface Slots {
  /** Messages in flight, those of threads that are being ended among them. */
  readonly inFlight: number;
  /** Those of them that are a long call. */
  readonly longInFlight: number;
  /** Threads that could take a message now. */
  readonly free: number;
  /** Whether a thread is at a call of this client. */
  has(client: string): boolean;
  /** What they were estimated at, in µs. */
  readonly inFlightUs: number;
  /** The threads that hold them. */
  busy(nowMs: number): BusyThread[];
  /** Estimated work left of those that keep to their estimates, in µs each. */
  punctualUs(nowMs: number): number[];
  /** To be called only while `free` is above 0. */
  send(calls: readonly PendingCall[], nowMs: number): void;
  /** Asks a call to stop: one that has not begun never will. */
  stop(call: PendingCall, flag: Exclude<StopFlag, 0>): void;
  /**
   * Ends the thread that is at this call now, if any is: leaves it to the call where its event loop turns, terminates it
   * where it is blocked.
   * @returns whether to be asked again: nothing is known of it yet
   */
  end(call: PendingCall): boolean;
  /** When it began, if it did. */
  beganMs(call: PendingCall): number | undefined;
  /** The same, if its thread is at it now: what is done waits for the rest of its message. */
  runningSinceMs(call: PendingCall): number | undefined;
}

interface Slot {
  readonly calls: readonly PendingCall[];
  readonly sentMs: number;
  readonly estimateUs: number;
  /** A long call, which travels alone. */
  readonly isLong: boolean;
  /** Its bytes went with the message and do not come back. */
  readonly moved: boolean;
  /** Since the call that runs was asked to stop. */
  stopping: Stopping | undefined;
}

interface Stopping {
  readonly sinceMs: number;
  readonly core: CoreWatch | undefined;
}

export function createSlots(
  control: Control,
  threads: Threads,
  max: number,
  cancelGraceMs: number,
  taskIndex: (call: PendingCall) => number,
  events: SlotsEvents,
): Slots {
  const slots: (Slot | undefined)[] = new Array(max).fill(undefined);
  let inFlight = 0;
  let longInFlight = 0;
  let inFlightUs = 0;

  function finish(row: number, slot: Slot, last: CallReply | undefined): void {
    const replies = storedReplies(row);
    if (last !== undefined) replies.push(last);
    settle(slot, replies);
    for (const call of slot.calls.slice(replies.length)) events.returned(call);
  }

  function fail(row: number, slot: Slot, cause: unknown): void {
    if (cause instanceof ThreadMessageError) {
      refuse(slot, cause);
      return;
    }
    const { begun } = control.row(row);
    const replies = storedReplies(row);
    settle(slot, replies);
    for (const [index, call] of slot.calls.entries()) {
      if (index < replies.length) continue;
      // Who was running took the thread with it; where nobody was, it may have been the message.
      if (begun === 0) call.attempts++;
      if (index < begun || slot.moved || call.attempts >= maxAttempts) {
        events.lost(call, threadLostError(cause));
        continue;
      }
      // Alone, it meets no other that kills its thread.
      call.batchable = false;
      events.returned(call);
    }
  }

  /** The message could not be posted: alone, each call shows whether it was the reason. */
  function refuse(slot: Slot, cause: ThreadMessageError): void {
    for (const call of slot.calls) {
      if (slot.calls.length > 1) {
        call.batchable = false;
        events.returned(call);
      } else events.lost(call, new AppError('TASK_FAILED', 'The task failed.', { cause }));
    }
  }

  function storedReplies(row: number): CallReply[] {
    const { replies, done } = control.row(row);
    return readReplies(replies, done);
  }

  function settle(slot: Slot, replies: readonly CallReply[]): void {
    let beganMs = slot.sentMs;
    for (const [index, reply] of replies.entries()) {
      const call = slot.calls[index];
      if (call !== undefined) events.replied(call, reply, beganMs - call.arrivedMs);
      if (reply.type !== 'skipped') beganMs += reply.runMs;
    }
  }

  function leftUs({ estimateUs, sentMs }: Slot, nowMs: number): number {
    return Math.max(0, estimateUs - (nowMs - sentMs) * 1_000);
  }

  function busyThread(slot: Slot, nowMs: number): BusyThread {
    const remainingUs = leftUs(slot, nowMs);
    // Nobody waits for it any more: it stops by itself or is ended.
    const isAbandoned = slot.calls.every((call) => call.answered);
    return {
      remainingUs: isAbandoned ? Math.min(remainingUs, cancelGraceMs * 1_000) : remainingUs,
      isLong: slot.isLong,
    };
  }

  /** Takes so much longer than estimated that nobody knows for how long yet. */
  function isLate({ estimateUs, sentMs }: Slot, nowMs: number): boolean {
    return (nowMs - sentMs) * 1_000 > lateFactor * estimateUs + lateUs;
  }

  function stateOf(call: PendingCall): Extract<CallState, { at: 'thread' }> | undefined {
    return call.state.at === 'thread' && slots[call.state.row]?.calls[call.state.index] === call
      ? call.state
      : undefined;
  }

  /** What is known of the event loop of a thread whose call was asked to stop. */
  function verdictOn(row: ControlRow, stopping: Stopping | undefined): 'turns' | 'blocked' | 'unknown' {
    if (stopping === undefined) return 'blocked';
    if (row.turnedMs > stopping.sinceMs) return 'turns';
    const silentMs = monotonicMs() - stopping.sinceMs;
    const isAsleep = stopping.core?.isAsleep() === true;
    if ((stopping.core?.usedMs() ?? 0) >= turnsWithinMs) return 'blocked';
    return silentMs >= (isAsleep ? asleepAfterMs : blockedAfterMs) ? 'blocked' : 'unknown';
  }

  function isRunning(state: { row: number; index: number }): boolean {
    const { begun, done } = control.row(state.row);
    return begun === state.index + 1 && done <= state.index;
  }

  return {
    get inFlight() {
      return inFlight;
    },
    get longInFlight() {
      return longInFlight;
    },
    get free() {
      return inFlight === max ? 0 : Math.min(threads.idle, max - inFlight);
    },
    get inFlightUs() {
      return inFlightUs;
    },
    has: (client) => slots.some((slot) => slot?.calls.some(({ options }) => options.client === client)),
    busy: (nowMs) => slots.flatMap((slot) => (slot === undefined ? [] : [busyThread(slot, nowMs)])),
    punctualUs: (nowMs) =>
      slots.flatMap((slot) => (slot === undefined || isLate(slot, nowMs) ? [] : [leftUs(slot, nowMs)])),
    send(calls, nowMs) {
      const row = slots.indexOf(undefined);
      if (row < 0) throw new RangeError('no slot is free');
      const transfer = calls.length === 1 ? calls.flatMap(({ input }) => movableBuffers(input)) : [];
      const estimateUs = calls.reduce((sum, call) => sum + call.estimateUs, 0);
      const slot: Slot = {
        calls,
        sentMs: nowMs,
        estimateUs,
        isLong: isLong(estimateUs),
        moved: transfer.length > 0,
        stopping: undefined,
      };
      slots[row] = slot;
      inFlight++;
      inFlightUs += estimateUs;
      if (slot.isLong) longInFlight++;
      control.row(row).reset();
      for (const [index, call] of calls.entries()) {
        call.state = { at: 'thread', row, index, sentMs: nowMs };
      }
      const message = packCalls(
        row,
        calls.map((call) => threadCall(call, taskIndex(call))),
      );
      const release = (): void => {
        slots[row] = undefined;
        inFlight--;
        // Sums of fractions do not quite come back to where they were.
        inFlightUs = inFlight === 0 ? 0 : inFlightUs - estimateUs;
        if (slot.isLong) longInFlight--;
        events.freed();
      };
      threads.run({
        row: control.row(row),
        message,
        transfer,
        progress(index, progress) {
          const call = calls[index];
          if (call?.answered === false) call.options.onProgress?.(progress);
        },
        chunk(chunk, taken) {
          const call = calls[chunk.call];
          if (call !== undefined) events.chunk(call, chunk, taken);
        },
        answered(last) {
          finish(row, slot, last);
          const gone = threads.gone(control.row(row).threadId);
          if (gone === undefined) release();
          else void gone.then(release);
        },
        leftBehind() {
          const left = calls[control.row(row).begun - 1];
          fail(row, slot, new Error('its thread was left to it'));
          if (left !== undefined) events.leftover(left);
          release();
        },
        lost(error) {
          fail(row, slot, error);
          release();
        },
      });
    },
    stop(call, flag) {
      const state = stateOf(call);
      const slot = slots[state?.row ?? -1];
      if (state === undefined || slot === undefined) return;
      const row = control.row(state.row);
      row.stop(state.index, flag);
      if (isRunning(state)) slot.stopping = { sinceMs: monotonicMs(), core: threads.watchCore(row.threadId) };
    },
    beganMs(call) {
      const state = stateOf(call);
      if (state === undefined) return undefined;
      const { begun, beganMs } = control.row(state.row);
      if (begun <= state.index) return undefined;
      // One behind which another has begun is done.
      return begun === state.index + 1 ? beganMs : state.sentMs;
    },
    runningSinceMs(call) {
      const state = stateOf(call);
      return state !== undefined && isRunning(state) ? control.row(state.row).beganMs : undefined;
    },
    end(call) {
      const state = stateOf(call);
      if (state === undefined) return false;
      const row = control.row(state.row);
      // Said before it is asked, so that a call that begins behind this one's back is never what is ended.
      row.isEnding = true;
      const verdict = isRunning(state) ? verdictOn(row, slots[state.row]?.stopping) : 'over';
      if (verdict === 'turns') threads.leave(row.threadId);
      else if (verdict === 'blocked') threads.terminate(row.threadId);
      else row.isEnding = false;
      return verdict === 'unknown';
    },
  };
}

function threadCall(call: PendingCall, task: number): ThreadCall {
  const { deadlineMs, client, requestId, traceId } = call.options;
  return { task, input: call.input, deadlineMs, client, requestId, traceId };
}
