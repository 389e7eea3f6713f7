// A job of a call that is asked for, by a request or by an app: what is written down of it. What makes it wait and run is
// jobs/.
import type { IncomingHttpHeaders } from 'node:http';
import { type JobInput, newJobId } from '../../jobs/job.js';
import type { NewJob } from '../../jobs/store.js';
import type { CallInput } from '../../lane/call.js';
import type { Task } from '../../tasks/registry.js';
import { fingerprintOf } from './idempotency-key.js';
import { shareOf } from './share-key.js';
import { traceIdOf } from './traceparent.js';

export interface AskedJob {
  readonly client: string;
  readonly requestId: string | null;
  /** Undefined: as long as its task may. */
  readonly timeoutMs: number | undefined;
  /** Of the request, where there is one. */
  readonly traceparent: IncomingHttpHeaders[string];
  readonly idempotencyKey: string | undefined;
  readonly input: JobInput;
  /** The same, as the lane takes it. */
  readonly callInput: CallInput;
}

export async function newJobOf(task: Task, asked: AskedJob): Promise<NewJob> {
  const { client, requestId, timeoutMs = null, traceparent, idempotencyKey: key, input, callInput } = asked;
  return {
    id: newJobId(),
    task: task.name,
    client,
    requestId,
    traceId: traceIdOf(traceparent) ?? null,
    timeoutMs,
    idempotency: key === undefined ? null : { key, fingerprint: await fingerprintOf(input) },
    share: shareOf(task, callInput, timeoutMs),
    input,
  };
}
