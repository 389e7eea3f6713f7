// The messages in flight: each was sent to a free thread, answered or lost with it. Which calls travel together
// is the waiting room's affair; how a thread starts and ends is threads.ts; when one is taken for blocked, thread-verdict.ts.
import { monotonicMs } from '../../clock.js';
import { AppError } from '../../errors.js';
import type { StopFlag } from '../../tasks/call-context.js';
import type { Task } from '../../tasks/registry.js';
import type { CallReply } from '../../tasks/reply.js';
import { packCalls, type ThreadCall, type ThreadChunk } from '../../thread/protocol.js';
import { readReplies } from '../../thread/reply-buffer.js';
import type { Control } from '../../thread/shared-rows.js';
import type { LaneConfig } from '../lane-deps.js';
import type { CallState, PendingCall } from '../pending-call.js';
import { threadLostError } from '../pending-call.js';
import { isLong } from '../placement.js';
import type { BusyThread } from '../waiting/expected-wait.js';
import { movableBuffers } from './movable-buffers.js';
import { type SentMessage, ThreadMessageError } from './thread-channel.js';
import { longestStallMs, loopVerdict, type Stopping } from './thread-verdict.js';
import type { Threads } from './threads.js';

/** After this many messages that died before anything in them began, a call is given up. */
const maxAttempts = 3;

/** What becomes of the calls of a message. */
export interface MessageEvents {
  /** A call's reply; it waited this long for its turn, in ms. */
  replied(call: PendingCall, reply: CallReply, queueMs: number): void;
  /** A call streams; its reply is to come. What is taken of it is to be told. */
  chunk(call: PendingCall, chunk: ThreadChunk, taken: (bytes: number, chunks: number) => void): void;
  /** A call goes on though it was asked to stop: its thread is left to it. */
  leftover(call: PendingCall): void;
  /** Its thread has begun none of its calls for long, and is ended. */
  stalled(): void;
  /** A call will get no reply. */
  lost(call: PendingCall, error: AppError): void;
  /** A call that had not begun comes back. */
  returned(call: PendingCall): void;
  /** Its place is free again. */
  freed(): void;
}

export interface InFlight {
  /** Messages in flight, those of threads that are being ended among them. */
  readonly size: number;
  /** Those of them that are jobs, which are in no other number of what runs but `size`. */
  readonly jobs: number;
  /** Those that are a long call. */
  readonly longSize: number;
  /** What they were estimated at, in µs. */
  readonly workUs: number;
  /** Tasks that messages have been for, by the numbers that threads know. */
  readonly servedTasks: readonly number[];
  /** Threads that could take a message of calls now. */
  readonly free: number;
  /** Those that could take a job. */
  readonly freeForJobs: number;
  /** Whether a thread is at a call of this client. */
  has(client: string): boolean;
  /** The threads that hold them. */
  busy(nowMs: number): BusyThread[];
  /** To be called only while `free`, or for a job `freeForJobs`, is above 0. */
  send(calls: readonly PendingCall[], nowMs: number, events: MessageEvents): void;
  /** Asks a call to stop: one that has not begun never will. */
  stop(call: PendingCall, flag: Exclude<StopFlag, 0>): void;
  /**
   * Ends the thread that is at this call now, if any is: leaves it to the call where its event loop turns, terminates it
   * where it is blocked.
   * @returns whether to be asked again: nothing is known of it yet
   */
  end(call: PendingCall): boolean;
  /**
   * Terminates the thread that this call was sent to, where it has for long been at none of the calls that it has:
   * something that an earlier one left behind holds it. What has not begun comes back.
   * @returns `waits`: to be asked again, since the call has not begun there
   */
  endStalled(call: PendingCall): 'ended' | 'waits' | 'no';
  /** When it began, if it did. */
  beganMs(call: PendingCall): number | undefined;
  /** The same, if its thread is at it now: what is done waits for the rest of its message. */
  runningSinceMs(call: PendingCall): number | undefined;
}

interface SentCalls {
  readonly events: MessageEvents;
  readonly calls: readonly PendingCall[];
  readonly sentMs: number;
  readonly estimateUs: number;
  /** A long call, which travels alone. */
  readonly isLong: boolean;
  /** A job, which travels alone. */
  readonly isJob: boolean;
  /** Its bytes went with the message and do not come back. */
  readonly moved: boolean;
  /** Where it was sent to; the row says so only once it has been picked up there. */
  threadId: number | undefined;
  /** Since the call that runs was asked to stop. */
  stopping: Stopping | undefined;
}

/**
 * @param cancelGraceMs how long a call that was asked to stop may take to
 * @param rows most messages at once, jobs among them
 */
export function createInFlight(
  control: Control,
  threads: Threads,
  tasks: readonly Task[],
  {
    poolMaxThreads,
    cancelGraceMs,
    taskTimeoutMs,
  }: Pick<LaneConfig, 'poolMaxThreads' | 'cancelGraceMs' | 'taskTimeoutMs'>,
  rows: number,
): InFlight {
  const taskIndex = new Map(tasks.map((task, index) => [task, index]));
  const served = new Set<number>();

  function indexOf(task: Task): number {
    const index = taskIndex.get(task) ?? -1;
    served.add(index);
    return index;
  }

  /** By the row in shared memory that each has. */
  const messages: (SentCalls | undefined)[] = new Array(rows).fill(undefined);
  let size = 0;
  let jobs = 0;
  let longSize = 0;
  let workUs = 0;

  function finish(row: number, sent: SentCalls, last: CallReply | undefined): void {
    const replies = storedReplies(row);
    if (last !== undefined) replies.push(last);
    settle(sent, replies);
    for (const call of sent.calls.slice(replies.length)) sent.events.returned(call);
  }

  function fail(row: number, sent: SentCalls, cause: unknown): void {
    if (cause instanceof ThreadMessageError) {
      unposted(sent, cause);
      return;
    }
    const { begun } = control.row(row);
    const replies = storedReplies(row);
    settle(sent, replies);
    for (const [index, call] of sent.calls.entries()) {
      if (index < replies.length) continue;
      // Who was running took the thread with it; where nobody was, it may have been the message.
      if (begun === 0) call.attempts++;
      if (index < begun || sent.moved || call.attempts >= maxAttempts) {
        sent.events.lost(call, threadLostError(cause));
        continue;
      }
      // Alone, it meets no other that kills its thread.
      call.batchable = false;
      sent.events.returned(call);
    }
  }

  /** The message could not be posted: alone, each call shows whether it was the reason. */
  function unposted(sent: SentCalls, cause: ThreadMessageError): void {
    for (const call of sent.calls) {
      if (sent.calls.length > 1) {
        call.batchable = false;
        sent.events.returned(call);
      } else sent.events.lost(call, new AppError('TASK_FAILED', 'The task failed.', { cause }));
    }
  }

  function storedReplies(row: number): CallReply[] {
    const { replies, done } = control.row(row);
    return readReplies(replies, done);
  }

  function settle(sent: SentCalls, replies: readonly CallReply[]): void {
    let beganMs = sent.sentMs;
    for (const [index, reply] of replies.entries()) {
      const call = sent.calls[index];
      if (call !== undefined) sent.events.replied(call, reply, beganMs - call.arrivedMs);
      if (reply.type !== 'skipped') beganMs += reply.runMs;
    }
  }

  function leftUs({ estimateUs, sentMs }: SentCalls, nowMs: number): number {
    return Math.max(0, estimateUs - (nowMs - sentMs) * 1_000);
  }

  function busyThread(sent: SentCalls, nowMs: number): BusyThread {
    const remainingUs = leftUs(sent, nowMs);
    // Nobody waits for it any more: it stops by itself or is ended.
    const isAbandoned = sent.calls.every((call) => call.answered);
    return {
      remainingUs: isAbandoned ? Math.min(remainingUs, cancelGraceMs * 1_000) : remainingUs,
      isLong: sent.isLong,
    };
  }

  function stateOf(call: PendingCall): Extract<CallState, { at: 'thread' }> | undefined {
    return call.state.at === 'thread' && messages[call.state.row]?.calls[call.state.index] === call
      ? call.state
      : undefined;
  }

  function isRunning(state: { row: number; index: number }): boolean {
    const { begun, done } = control.row(state.row);
    return begun === state.index + 1 && done <= state.index;
  }

  return {
    get size() {
      return size;
    },
    get jobs() {
      return jobs;
    },
    get servedTasks() {
      return [...served];
    },
    get longSize() {
      return longSize;
    },
    get workUs() {
      return workUs;
    },
    get free() {
      const places = poolMaxThreads - (size - jobs);
      return places === 0 ? 0 : Math.min(threads.idle, places);
    },
    get freeForJobs() {
      return Math.min(threads.idleForJobs, rows - size);
    },
    has: (client) => messages.some((sent) => sent?.calls.some(({ options }) => options.client === client)),
    busy: (nowMs) =>
      messages.flatMap((sent) => (sent === undefined || sent.isJob ? [] : [busyThread(sent, nowMs)])),
    send(calls, nowMs, events) {
      const row = messages.indexOf(undefined);
      if (row < 0) throw new RangeError('no row is free');
      const transfer = calls.length === 1 ? calls.flatMap(({ input }) => movableBuffers(input)) : [];
      const estimateUs = calls.reduce((sum, call) => sum + call.estimateUs, 0);
      const isJob = calls[0]?.ticket.isJob === true;
      const sent: SentCalls = {
        events,
        calls,
        sentMs: nowMs,
        estimateUs,
        isLong: isLong(estimateUs) && !isJob,
        isJob,
        moved: transfer.length > 0,
        threadId: undefined,
        stopping: undefined,
      };
      messages[row] = sent;
      size++;
      if (isJob) jobs++;
      else workUs += estimateUs;
      if (sent.isLong) longSize++;
      control.row(row).reset();
      for (const [index, call] of calls.entries()) {
        call.state = { at: 'thread', row, index, sentMs: nowMs };
      }
      const message = packCalls(
        row,
        calls.map((call) => threadCall(call, indexOf(call.task))),
      );
      const release = (): void => {
        messages[row] = undefined;
        size--;
        if (isJob) jobs--;
        else workUs -= estimateUs;
        // Sums of fractions do not quite come back to where they were.
        if (size === jobs) workUs = 0;
        if (sent.isLong) longSize--;
        events.freed();
      };
      const errand: SentMessage = {
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
          finish(row, sent, last);
          const gone = threads.gone(control.row(row).threadId);
          if (gone === undefined) release();
          else void gone.then(release);
        },
        leftBehind() {
          const left = calls[control.row(row).begun - 1];
          fail(row, sent, new Error('its thread was left to it'));
          if (left !== undefined) events.leftover(left);
          release();
        },
        lost(error) {
          fail(row, sent, error);
          release();
        },
      };
      sent.threadId = isJob ? threads.runJob(errand) : threads.run(errand);
    },
    stop(call, flag) {
      const state = stateOf(call);
      const sent = messages[state?.row ?? -1];
      if (state === undefined || sent === undefined) return;
      const row = control.row(state.row);
      row.stop(state.index, flag);
      if (isRunning(state)) sent.stopping = { sinceMs: monotonicMs(), core: threads.watchCore(row.threadId) };
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
      const verdict = isRunning(state) ? loopVerdict(row, messages[state.row]?.stopping) : 'over';
      if (verdict === 'turns') threads.leave(row.threadId);
      else if (verdict === 'blocked')
        threads.terminate(row.threadId, { task: call.task.name, requestId: call.options.requestId });
      else row.isEnding = false;
      return verdict === 'unknown';
    },
    endStalled(call) {
      const state = stateOf(call);
      const sent = messages[state?.row ?? -1];
      if (state === undefined || sent === undefined) return 'no';
      const row = control.row(state.row);
      const isAtNone = (): boolean => row.begun === row.done && !row.answered;
      if (!isAtNone()) return 'no';
      if (
        sent.threadId === undefined ||
        monotonicMs() - sent.sentMs < longestStallMs(sent.calls, taskTimeoutMs)
      )
        return 'waits';
      // As above.
      row.isEnding = true;
      if (isAtNone()) {
        threads.terminate(sent.threadId);
        sent.events.stalled();
        return 'ended';
      }
      row.isEnding = false;
      return 'no';
    },
  };
}

function threadCall(call: PendingCall, task: number): ThreadCall {
  const { deadlineMs, client, requestId, traceId, spans } = call.options;
  return { task, input: call.input, deadlineMs, client, requestId, traceId, trace: spans?.sent() };
}
