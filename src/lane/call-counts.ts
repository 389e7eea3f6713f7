// What became of the calls, per task: the counts of /status, and one record a call for whoever measures. Wrapped round
// the lane, outside of all that may refuse a call: so that is counted, too.
import { dictionary } from '../dictionary.js';
import { AppError } from '../errors.js';
import type { TaskCounts } from '../messages.js';
import type { Task } from '../tasks/registry.js';
import type { CallOptions, CallRecord, OnCall } from './call.js';
import type { LaneWrapper } from './lane-call.js';

export interface CallCounts {
  readonly wrapper: LaneWrapper;
  counts(): Readonly<Record<string, TaskCounts>>;
}

export function createCallCounts(tasks: readonly Task[], onCall: OnCall): CallCounts {
  const counts = new Map<string, TaskCounts>(
    tasks.map(({ name, definition }) => [
      name,
      {
        ...(definition.share && { shared: 0 }),
        completed: 0,
        failed: 0,
        refused: 0,
        expired: 0,
        cancelled: 0,
        inline: 0,
        thread: 0,
      },
    ]),
  );

  function record(record: CallRecord, isJob: boolean): void {
    const count = counts.get(record.task);
    if (count === undefined) return;
    if (record.outcome === 'shared') count.shared = (count.shared ?? 0) + 1;
    else count[record.outcome]++;
    if (record.lane !== 'none') count[record.lane]++;
    onCall(record, isJob);
  }

  function entering<T>(task: Task, options: Pick<CallOptions, 'job'>, enter: () => T): T {
    try {
      return enter();
    } catch (error) {
      const refusal = { task: task.name, outcome: refusalOutcome(error), queueMs: 0, runMs: 0 };
      record({ ...refusal, lane: 'none' }, options.job !== undefined);
      throw error;
    }
  }

  return {
    wrapper: (lane) => ({
      checkRoom: (task, client) => entering(task, {}, () => lane.checkRoom(task, client)),
      run: (call, listener) =>
        entering(call.task, call.options, () =>
          lane.run(call, {
            answered(answer) {
              record(answer, call.options.job !== undefined);
              listener.answered(answer);
            },
            ran: (runMs) => listener.ran(runMs),
          }),
        ),
    }),
    counts: () => dictionary(counts),
  };
}

/** Whatever is no refusal of ours is a fault of ours. */
function refusalOutcome(error: unknown): CallRecord['outcome'] {
  if (!(error instanceof AppError)) return 'failed';
  return error.code === 'DEADLINE_EXCEEDED' ? 'expired' : 'refused';
}
