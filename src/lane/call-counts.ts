// What became of the calls, per task: the counts of /status, and one record a call for whoever measures.
import { dictionary } from '../dictionary.js';
import type { TaskCounts } from '../messages.js';
import type { CallRecord } from './call.js';

export interface CallCounts {
  record(record: CallRecord): void;
  counts(): Readonly<Record<string, TaskCounts>>;
}

export function createCallCounts(tasks: readonly string[], onCall: (record: CallRecord) => void): CallCounts {
  const counts = new Map<string, TaskCounts>(
    tasks.map((task) => [
      task,
      { completed: 0, failed: 0, refused: 0, expired: 0, cancelled: 0, inline: 0, thread: 0 },
    ]),
  );
  return {
    record(record) {
      const count = counts.get(record.task);
      if (count === undefined) return;
      count[record.outcome]++;
      if (record.lane !== 'none') count[record.lane]++;
      onCall(record);
    },
    counts: () => dictionary(counts),
  };
}
