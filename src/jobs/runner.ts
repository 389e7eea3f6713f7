// Runs jobs in a server process: takes no more of them than its lane has room for, makes each one a call that goes
// behind all others, and tells the store what became of it. Which job is next is for the store to say.
import { monotonicMs } from '../clock.js';
import { AppError, toAppError } from '../errors.js';
import { type Call, CallCancelled, type CallStream, type Lane } from '../lane/call.js';
import type { Logger } from '../log.js';
import type { Task } from '../tasks/registry.js';
import type { AnswerHead, JobProblem } from './job.js';
import { callInputOf } from './job-input.js';
import type { JobRun, JobStore } from './store.js';

export interface JobRunnerDeps {
  readonly store: JobStore;
  readonly lane: Pick<Lane, 'call' | 'jobRoom'>;
  readonly tasks: readonly Task[];
  readonly log: Logger;
  /** Every run, once, when it has ended. */
  readonly onRun?: ((record: JobRunRecord) => void) | undefined;
}

/** How a run ended, for metrics. In ms, by the clock for people where another process saw it begin to wait. */
export interface JobRunRecord {
  readonly task: string;
  readonly outcome: 'completed' | 'failed' | 'cancelled' | 'lost' | 'given back';
  /** From when the job was accepted to the beginning of this run. */
  readonly waitMs: number;
  readonly runMs: number;
}

export interface JobRunner {
  /** Runs that are going on here. */
  readonly size: number;
  /** It takes no further jobs. Resolves once none is on its way. */
  stop(): Promise<void>;
  /** What still runs is put back, for others to run. Resolves once the store has it. */
  giveBack(): Promise<void>;
}

/** How often it is looked what the lane has left, while it matters, in ms. */
const lookEveryMs = 50;

/** A thread would idle while the next job comes. So of jobs that are this short on average some wait here for their turn. */
const aheads = [
  { upToMs: 5, jobs: 4 },
  { upToMs: 50, jobs: 1 },
];

interface Running {
  readonly run: JobRun;
  call: Call | undefined;
  isGivenBack: boolean;
  readonly done: Promise<void>;
}

export function startJobRunner({ store, lane, tasks, log, onRun }: JobRunnerDeps): JobRunner {
  const byName = new Map(tasks.map((task) => [task.name, task]));
  const running = new Set<Running>();
  let looking: NodeJS.Timeout | undefined;
  let told = 0;
  /** How long jobs have run lately. */
  let meanMs = Number.POSITIVE_INFINITY;
  let isStopped = false;

  const atOnce: Record<string, number> = {};
  for (const { name, definition } of tasks) {
    const { concurrent } = definition.limits ?? {};
    // Further ones would only be held in the lane, in the places of others.
    if (concurrent !== undefined) atOnce[name] = concurrent;
  }
  const consumer = store.consume([...byName.keys()], begin, atOnce);
  look();

  /** Tells the store how many jobs may be here. While nothing runs and all may, there is nothing to look at. */
  function look(): void {
    if (isStopped) return;
    const { most, now } = lane.jobRoom();
    const ahead = aheads.find(({ upToMs }) => meanMs <= upToMs)?.jobs ?? 0;
    const capacity = now === 0 ? 0 : now + ahead;
    if (capacity !== told) consumer.capacity(capacity);
    told = capacity;
    if (running.size === 0 && now === most) {
      clearInterval(looking);
      looking = undefined;
    } else looking ??= setInterval(look, lookEveryMs).unref();
  }

  function begin(run: JobRun): void {
    const entry: Running = { run, call: undefined, isGivenBack: false, done: Promise.resolve() };
    const done = perform(entry).finally(() => {
      running.delete(entry);
      look();
    });
    Object.assign(entry, { done });
    running.add(entry);
    look();
  }

  async function perform(entry: Running): Promise<void> {
    const { run } = entry;
    const { job, signal } = run;
    const waitMs = Math.max(0, (job.startedAtMs ?? 0) - job.createdAtMs);
    const beganMs = monotonicMs();
    const cancel = (): void => entry.call?.cancel();
    signal.addEventListener('abort', cancel, { once: true });
    let outcome: JobRunRecord['outcome'];
    try {
      const { body, stream, ...head } = await result(entry);
      meanMs = Number.isFinite(meanMs) ? meanMs + (head.runMs - meanMs) / 8 : head.runMs;
      outcome = await completed(run, head, stream ?? body);
    } catch (thrown) {
      outcome = await endOf(entry, thrown);
    }
    signal.removeEventListener('abort', cancel);
    onRun?.({ task: job.task, outcome, waitMs, runMs: monotonicMs() - beganMs });
    log.debug(
      { job: job.id, task: job.task, requestId: job.requestId, attempt: job.attempts, outcome },
      'job',
    );
  }

  async function result(entry: Running) {
    const { job, input, signal, progress } = entry.run;
    const task = byName.get(job.task);
    if (task === undefined) throw new TypeError(`no task ${job.task}`);
    if (signal.aborted || entry.isGivenBack) throw new CallCancelled('The job is not to run here.');
    const call = lane.call(task, callInputOf(task, input), {
      client: `job:${job.client}`,
      job: { chargedTo: job.client },
      // A task's log lines are found by this.
      requestId: job.requestId ?? job.id,
      ...(job.traceId !== null && { traceId: job.traceId }),
      ...(job.timeoutMs !== null && { deadlineMs: monotonicMs() + job.timeoutMs }),
      onProgress: progress,
    });
    entry.call = call;
    return call.ready ?? call.result;
  }

  async function completed(
    run: JobRun,
    head: AnswerHead,
    body: string | Uint8Array | CallStream,
  ): Promise<JobRunRecord['outcome']> {
    /** What became of a stream that does not end. */
    let broken: { readonly thrown: unknown } | undefined;

    async function* chunks(stream: CallStream): AsyncGenerator<Uint8Array> {
      try {
        for await (const { bytes } of stream) yield bytes;
      } catch (thrown) {
        broken = { thrown };
        throw thrown;
      }
    }
    try {
      if (typeof body === 'string') await run.complete(head, Buffer.from(body));
      else await run.complete(head, body instanceof Uint8Array ? body : chunks(body));
    } catch (cause) {
      if (broken !== undefined) throw broken.thrown;
      const why = cause instanceof AppError ? ` ${cause.message}` : '';
      throw new AppError('INTERNAL', `The result of the job could not be kept.${why}`, { cause });
    }
    return outcomeOf(run) ?? 'completed';
  }

  /** The job is no longer this run's. */
  function outcomeOf({ signal }: JobRun): 'cancelled' | 'lost' | undefined {
    if (!signal.aborted) return undefined;
    return signal.reason === 'cancelled' ? 'cancelled' : 'lost';
  }

  /** Tells the store of a run without a result. Never rejects: a store that is gone knows what was lost with it. */
  async function endOf({ run, isGivenBack }: Running, thrown: unknown): Promise<JobRunRecord['outcome']> {
    const { job } = run;
    const taken = outcomeOf(run);
    const isBack = isGivenBack || taken !== undefined || isShut(thrown);
    const error = toAppError(thrown);
    const isLost = error.code === 'THREAD_LOST';
    if (!isBack) tellFailure(run, error);
    try {
      if (isBack) await run.giveBack();
      else await run.fail(problemOf(error), isLost);
    } catch (cause) {
      log.warn(
        { err: cause, job: job.id, task: job.task },
        'the end of a job could not be told to its store',
      );
    }
    return taken ?? (isBack ? 'given back' : isLost ? 'lost' : 'failed');
  }

  function tellFailure({ job }: JobRun, error: AppError): void {
    const level = error.status >= 500 ? 'error' : 'info';
    const { code, cause } = error;
    const { id, task, requestId, attempts: attempt } = job;
    log[level](
      { job: id, task, requestId, attempt, code, ...(cause !== undefined && { err: cause }) },
      'job failed',
    );
  }

  return {
    get size() {
      return running.size;
    },
    async stop() {
      isStopped = true;
      clearInterval(looking);
      await consumer.close().catch(() => undefined);
    },
    async giveBack() {
      for (const entry of running) {
        entry.isGivenBack = true;
        entry.call?.cancel();
      }
      await Promise.all([...running].map(({ done }) => done));
    },
  };
}

/** The lane closes, or has no thread: nothing is wrong with the job. */
function isShut(thrown: unknown): boolean {
  if (thrown instanceof CallCancelled) return true;
  return thrown instanceof AppError && (thrown.code === 'SHUTTING_DOWN' || thrown.code === 'OVERLOADED');
}

function problemOf({ code, message, issues }: AppError): JobProblem {
  return { code, detail: message, ...(issues && { issues }) };
}
