// A call becomes a job: its input is read and validated as ever, the job is kept, and the client is told where it is. Where
// it would rather wait a while and the job ends meanwhile, it gets the result.
import type { Request, Response } from 'express';
import { hasEnded, type Job, type JobInput } from '../../jobs/job.js';
import { callInputOf } from '../../jobs/job-input.js';
import { jobView } from '../../jobs/job-view.js';
import type { JobStore } from '../../jobs/store.js';
import type { CallInput, Lane } from '../../lane/call.js';
import type { Task } from '../../tasks/registry.js';
import { answerJson } from '../answer/answer.js';
import { sendLater } from '../answer/call-answer.js';
import { answerResult } from '../answer/job-answer.js';
import type { Closers } from '../closers.js';
import { ClientLeft } from '../request/body.js';
import { clientOf } from '../request/client.js';
import { requestTimeoutMs } from '../request/deadline.js';
import { idempotencyKey } from '../request/idempotency-key.js';
import { newJobOf } from '../request/new-job.js';
import type { AsyncWish } from '../request/prefer.js';

export interface JobsDeps {
  readonly store: JobStore;
  readonly lane: Lane;
  /** In front of `/jobs`. */
  readonly prefix: string;
  readonly closers: Closers;
}

/** When a client may look again, in whole seconds. */
const lookAgainSeconds = '1';

export async function acceptJob(
  { store, lane, prefix, closers }: JobsDeps,
  task: Task,
  input: JobInput,
  { waitMs }: AsyncWish,
  req: Request,
  res: Response,
): Promise<void> {
  const key = idempotencyKey(req.headers);
  const client = clientOf(req);
  const timeoutMs = requestTimeoutMs(req);
  const callInput = await checkInput(lane, task, input, req);
  const asked = await newJobOf(task, {
    client,
    requestId: req.exchange.requestId,
    timeoutMs,
    traceparent: req.headers.traceparent,
    idempotencyKey: key,
    input,
    callInput,
  });
  const { job } = await store.add(asked);
  res.setHeader('Location', `${prefix}/jobs/${job.id}`);
  const ended = waitMs === undefined ? undefined : await endedWithin(store, job, waitMs, res, closers);
  if (ended !== undefined) {
    res.setHeader('Preference-Applied', `wait=${(waitMs ?? 0) / 1_000}`);
    await answerResult(store, ended, req, res);
    return;
  }
  res.setHeader('Preference-Applied', 'respond-async');
  res.setHeader('Retry-After', lookAgainSeconds);
  res.setHeader('Cache-Control', 'no-store');
  answerJson(res, 202, jobView(job));
}

/**
 * Whether the input is valid, and the client may use what it would cost.
 * @returns it as the lane takes it
 * @throws AppError INVALID_INPUT, MALFORMED_BODY, QUOTA_EXCEEDED; OVERLOADED for a large body that no thread can look at
 */
async function checkInput(lane: Lane, task: Task, input: JobInput, req: Request): Promise<CallInput> {
  // `fromBytes` may do with the bytes what it likes, and these are still to be kept.
  const given = input.kind === 'bytes' ? { ...input, body: input.body.slice() } : input;
  const callInput = callInputOf(task, given);
  const client = clientOf(req);
  if (callInput.type === 'json') {
    const { socket } = req;
    if (socket.destroyed || socket.readableEnded)
      throw new ClientLeft('The connection ended before the call.');
    const { requestId } = req.exchange;
    const check = lane.call(task, { type: 'check', bytes: callInput.bytes }, { client, requestId });
    if (check.ready === undefined) await sendLater(socket, check, () => undefined);
  }
  lane.checkQuota(task, client, callInput);
  return callInput;
}

/** The job once it has ended, if it does in time and the client is there still. */
function endedWithin(
  store: JobStore,
  { id }: Job,
  waitMs: number,
  res: Response,
  closers: Closers,
): Promise<Job | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle(undefined), waitMs);
    const forget = closers.add(() => settle(undefined));
    const leave = (): void => settle(undefined);
    res.once('close', leave);
    let isSettled = false;
    function settle(job: Job | undefined): void {
      isSettled = true;
      clearTimeout(timer);
      forget();
      res.off('close', leave);
      void watching.then((watch) => watch?.close(), reject);
      resolve(job);
    }
    const watching = store.watch(id, (job) => {
      // Not at once: `watching` is not there yet.
      if (hasEnded(job) && !isSettled) queueMicrotask(() => settle(job));
    });
    watching.catch(reject);
    // The client may have left while the job was kept.
    if (res.destroyed) settle(undefined);
  });
}
