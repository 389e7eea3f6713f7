// What the log is told of the threads: those that cannot be started, do not end, or go on with a call that nobody waits
// for. Lines of tasks are task-log.ts.
import { monotonicMs } from '../../clock.js';
import type { Logger } from '../../log.js';
import { reasonOf } from '../../tasks/error-report.js';
import { TaskFileError } from '../../tasks/registry.js';
import { thrownByCode } from '../../tasks/thrown-by-code.js';
import type { PendingCall } from '../pending-call.js';
import type { ThreadsEvents } from './threads.js';

/** Lines on calls that go on: at most one in so long. */
const leftoverLineMs = 10_000;

export interface ThreadLog
  extends Pick<
    ThreadsEvents,
    'refused' | 'granted' | 'stuck' | 'worn' | 'died' | 'outdated' | 'unstartable'
  > {
  /** @param leftover threads that are left to calls */
  leftover(call: PendingCall, leftover: number): void;
  /** A thread has begun nothing of what it was sent for long, and is ended. */
  stalled(): void;
}

export function createThreadLog(log: Logger): ThreadLog {
  let leftoverMs = Number.NEGATIVE_INFINITY;
  return {
    refused: (error, threads) =>
      log.warn(
        { err: error, threads },
        threads === 0
          ? 'no thread can be started: calls are refused until one can'
          : 'no further thread can be started: going on with those that there are',
      ),
    granted: () => log.info('threads can be started again'),
    stuck: (counts, call) =>
      log.error({ ...call, ...counts }, 'a thread was ended and is still there: it is stuck in native code'),
    worn: (counts) => log.error(counts, 'too many threads do not end: this process should be replaced'),
    died: (error) =>
      log.warn(
        why(error),
        error instanceof TaskFileError ? 'a thread ended that could not load a task' : 'an idle thread ended',
      ),
    outdated: (error) => log.info({ reason: reasonOf(error) }, 'a thread is started again'),
    unstartable: (error) => log.error(why(error), 'a thread could not be started: trying again'),
    stalled: () =>
      log.error(
        'a thread begins no call: what an earlier one left behind (a loop in a timer) holds it; it is ended',
      ),
    leftover({ task, options: { requestId, traceId } }, leftover) {
      const nowMs = monotonicMs();
      if (nowMs - leftoverMs < leftoverLineMs) return;
      leftoverMs = nowMs;
      log.warn(
        { task: task.name, requestId, traceId, leftover },
        'a call goes on after its answer: its thread is left to it, and replaced',
      );
    },
  };
}

/** Of a task's file its line, and beside it what its own code has thrown: the line has that one's message already. */
function why(error: unknown): object {
  return error instanceof TaskFileError
    ? { reason: error.message, err: thrownByCode(error) }
    : { err: error };
}
