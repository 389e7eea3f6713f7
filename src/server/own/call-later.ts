// `call.later`: a call from an app's own code that becomes a job, and its result, whichever process runs it.
import { buffer } from 'node:stream/consumers';
import type { AppCall, CallTask, JobOptions, LaterCall } from '../../app.js';
import { AppError, CallError } from '../../errors.js';
import { hasEnded, type Job } from '../../jobs/job.js';
import { callInputOf, inputOfValue } from '../../jobs/job-input.js';
import { jobError } from '../../jobs/job-view.js';
import type { JobStore } from '../../jobs/store.js';
import type { Task } from '../../tasks/registry.js';
import { newJobOf } from '../request/new-job.js';
import { type CallTaskDeps, createTaskFinder, resultValue, unnamedClient } from './call-task.js';

export interface CallLaterDeps extends CallTaskDeps {
  /** Undefined: JOBS is off. */
  readonly store: JobStore | undefined;
}

export function withLater(call: CallTask, { lane, tasks, senderOf, store }: CallLaterDeps): AppCall {
  const taskOf = createTaskFinder(tasks);

  async function later(named: unknown, value: unknown, options: JobOptions = {}): Promise<LaterCall> {
    const task = taskOf(named);
    if (store === undefined) throw new TypeError('call.later: JOBS is off');
    const { req, key } = options;
    const input = inputOfValue(value);
    // As it will be when it runs; what is checked here is not given away.
    const checked = callInputOf(task, input);
    const sender = req === undefined ? undefined : await senderOf(req);
    const client = options.client ?? sender?.client ?? unnamedClient;
    lane.checkQuota(task, client, checked);
    const asked = await newJobOf(task, {
      client,
      requestId: options.requestId ?? sender?.exchange.requestId ?? null,
      timeoutMs: options.timeoutMs,
      traceparent: req?.headers.traceparent,
      idempotencyKey: key,
      input,
      callInput: checked,
    });
    const { job } = await store.add(asked);
    return { id: job.id, result: () => resultOf(store, task, job.id).catch(asCallError) };
  }

  return Object.assign(call, {
    later: ((named: unknown, value: unknown, options?: JobOptions) =>
      // The overloads of AppCall say more than one implementation can.
      later(named, value, options).catch(asCallError)) as AppCall['later'],
  });
}

function asCallError(thrown: unknown): never {
  throw thrown instanceof AppError ? CallError.of(thrown) : thrown;
}

async function resultOf(store: JobStore, task: Task, id: string): Promise<unknown> {
  const job = await ended(store, id);
  if (job?.error != null) throw jobError(job.error);
  const result = job?.state === 'completed' ? await store.result(id) : undefined;
  if (result === undefined)
    throw new AppError('GONE', 'The job was cancelled, or its result is kept no longer.');
  return resultValue(task, { ...result.head, body: new Uint8Array(await buffer(result.body)) });
}

/** Undefined: nobody knows it any more. */
function ended(store: JobStore, id: string): Promise<Job | undefined> {
  return new Promise((resolve, reject) => {
    const watching = store.watch(id, (job) => {
      if (!hasEnded(job)) return;
      resolve(job);
      void watching.then(
        (watch) => watch?.close(),
        () => undefined,
      );
    });
    watching.then((watch) => {
      if (watch === undefined) resolve(undefined);
    }, reject);
  });
}
