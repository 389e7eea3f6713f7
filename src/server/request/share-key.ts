// By what identical jobs know each other, on all machines that keep them in one place: those of one version of a task that
// says `share`, with the same input.
import { createHash } from 'node:crypto';
import type { JobShare } from '../../jobs/store.js';
import type { CallInput } from '../../lane/call.js';
import { callKey } from '../../lane/lane.js';
import type { Task } from '../../tasks/registry.js';

/** Null: it shares with none. @param timeoutMs a run that is stopped sooner is another one */
export function shareOf(task: Task, input: CallInput, timeoutMs: number | null): JobShare | null {
  const { share } = task.definition;
  const call = share ? callKey(task, input) : undefined;
  if (call === undefined) return null;
  const key = createHash('sha256').update(JSON.stringify([call, task.digest, timeoutMs]));
  return { key: key.digest('base64url'), ttlMs: typeof share === 'object' ? share.ttlMs : 0 };
}
