// Fetches jobs for this process, as many as it has room for: told of new ones by whoever adds them, and looking by itself
// every few seconds for what nobody tells of. Its runs say that they are alive, and hear there whether they still count.
import { randomUUID } from 'node:crypto';
import { monotonicMs } from '../../clock.js';
import { type AtOnce, isFull } from '../at-once.js';
import { piecesOf } from '../frames.js';
import type { JobProblem } from '../job.js';
import { type JobConsumer, type JobLimits, type JobRun, lostTooOften } from '../store.js';
import { insist } from './asking.js';
import type { RedisLink } from './connections.js';
import { readWhole, smallBytes, writePiece } from './pieces.js';
import type { TaskQueue, Ticket, TicketSource } from './queues.js';
import { type JobRecord, recordOf } from './record.js';
import { scripts } from './scripts.js';

export interface RedisConsumer extends JobConsumer {
  /** There may be a job of this task; undefined: of any. */
  wake(task?: string): void;
  /** The job was cancelled. */
  cancelled(id: string): void;
  /** To be called every few seconds: the runs' sign of life. */
  beat(): Promise<void>;
  /** Its runs count as lost, and their jobs wait again at once. */
  abandon(): Promise<void>;
}

export interface ConsumerDeps {
  readonly link: RedisLink;
  readonly limits: JobLimits;
  readonly hashTag: string;
  readonly lockMs: number;
  queueOf(task: string): TaskQueue;
  /** Tells all processes. */
  wakeAll(task: string): void;
  /** What is no absence of Redis. */
  fault(error: unknown): void;
}

interface OpenRun {
  readonly record: JobRecord;
  readonly ticket: Ticket;
  readonly stop: AbortController;
  hasEnded: boolean;
}

const inputGone: JobProblem = { code: 'INTERNAL', detail: 'The input of the job is not there any more.' };
/** How long a run is given back for where Redis is away: its lock does the same, later. */
const giveBackMs = 2_000;

export function createConsumer(
  { link, limits, hashTag, lockMs, queueOf, wakeAll, fault }: ConsumerDeps,
  tasks: readonly string[],
  beginRun: (run: JobRun) => void,
  atOnce: AtOnce,
): RedisConsumer {
  const sources = new Map<string, TicketSource>();
  /** Tasks of which there may be jobs, the one first that was asked for longest ago. */
  const hints = new Set<string>(tasks);
  const runs = new Map<string, OpenRun>();
  /** Heard of while a run was about to begin. */
  const cancelledEarly = new Set<string>();
  const name = randomUUID();
  let tokens = 0;
  let most = 0;
  /** Tickets that become runs, with their tasks. */
  const starts = new Map<Promise<void>, string>();
  let isOpen = true;
  let isAbandoned = false;
  let fetching: Promise<void> | undefined;

  const queueKey = (task: string): string => `${hashTag}:${task}:`;
  const free = (): number => (isOpen ? most - runs.size - starts.size : 0);

  function sourceOf(task: string): TicketSource {
    let source = sources.get(task);
    if (source === undefined) {
      source = queueOf(task).work(() => wakeAll(task));
      sources.set(task, source);
    }
    return source;
  }

  /** The tasks of all jobs that are here, or come. */
  function* here(): Generator<string> {
    yield* starts.values();
    for (const { record } of runs.values()) yield record.job.task;
  }

  /** A job of this task is here no longer: of one that was full there may be more. */
  function left(task: string): void {
    if (atOnce[task] !== undefined) hints.add(task);
    pump();
  }

  function pump(): void {
    if (fetching !== undefined || free() <= 0 || hints.size === 0 || !link.isUp) return;
    fetching = fetch()
      .catch((error) => {
        if (link.isUp) fault(error);
      })
      .finally(() => {
        fetching = undefined;
        // Somebody may have called meanwhile. Where Redis is away, the next sign of life comes by.
        if (free() > 0 && hints.size > 0 && link.isUp) setImmediate(pump);
      });
  }

  async function fetch(): Promise<void> {
    for (const task of [...hints]) {
      if (free() <= 0) return;
      // Taken away before it is asked: who calls meanwhile puts it back.
      hints.delete(task);
      if (isFull(atOnce, task, here())) continue;
      const ticket = await sourceOf(task).next(`${name}:${tokens++}`);
      // Not waited for: the next one is fetched meanwhile.
      if (ticket !== undefined) become(task, start(task, ticket));
    }
  }

  /** A ticket is here, or comes, and becomes a run. */
  function become(task: string, run: Promise<void>): void {
    const started = run
      .catch((error) => {
        if (link.isUp) fault(error);
      })
      .finally(() => {
        starts.delete(started);
        if (starts.size === 0) cancelledEarly.clear();
        left(task);
      });
    starts.set(started, task);
  }

  /** Its place goes to the next job of its task, which comes with the end of its ticket: jobs of other tasks have no turn now. */
  function hasSuccessor(task: string): boolean {
    if (!isOpen || atOnce[task] !== undefined || most < runs.size + starts.size) return false;
    return hints.size === (hints.has(task) ? 1 : 0);
  }

  async function handOn(task: string, ticket: Ticket): Promise<void> {
    hints.delete(task);
    const ended = ticket.doneForNext().catch(() => undefined);
    become(
      task,
      ended.then((next) => next && start(task, next)),
    );
    await ended;
  }

  async function start(task: string, ticket: Ticket): Promise<void> {
    const { id, token } = ticket;
    hints.add(task);
    const begun = await insist(
      link,
      () =>
        link.runForBytes(
          scripts.begin,
          id,
          token,
          `${queueKey(task)}${id}:lock`,
          limits.attempts,
          limits.keepMs,
          JSON.stringify(lostTooOften),
          JSON.stringify(inputGone),
        ),
      // A stop does not wait for Redis: who gets the ticket later sees that no run has begun.
      () => isAbandoned || !isOpen,
    );
    const [said, told, input]: readonly unknown[] = Array.isArray(begun) ? begun : [];
    const what = String(said);
    const record = what === 'run' ? recordOf(told) : undefined;
    if (record !== undefined) {
      await run(record, ticket, input instanceof Uint8Array ? new Uint8Array(input) : undefined);
      return;
    }
    // Another process has it, then it is not ours to end.
    if (what === 'gone') return;
    const problem: Partial<JobProblem> = what === 'failed' ? JSON.parse(String(told)) : {};
    await ticket.done(problem.detail);
  }

  /** @param input undefined: it is to be read */
  async function run(
    record: JobRecord,
    ticket: Ticket,
    input: Uint8Array<ArrayBuffer> | undefined,
  ): Promise<void> {
    const { id } = record.job;
    const open: OpenRun = { record, ticket, stop: new AbortController(), hasEnded: false };
    runs.set(id, open);
    if (cancelledEarly.has(id)) open.stop.abort('cancelled');
    let body: Uint8Array<ArrayBuffer>;
    try {
      const key = `${hashTag}.input:${id}`;
      body =
        input ??
        (await insist(
          link,
          () => readWhole(link, key, record.input.bytes),
          () => isAbandoned || !isOpen,
        ));
    } catch {
      if (isAbandoned) return;
      // A stop does not wait for Redis: nothing has run, so another process may have the job, now or once its lock runs out.
      if (!isOpen) await close(open, () => giveBack(open, false)).catch(() => undefined);
      // It was cancelled in this moment, and its input is gone; or its input was evicted.
      else await close(open, () => end(open, 'failed', inputGone));
      return;
    }
    const { kind, contentType, query } = record.input;
    beginRun({
      job: record.job,
      input: { kind, contentType, query, body },
      signal: open.stop.signal,
      ...verbsOf(open),
    });
  }

  function verbsOf(open: OpenRun): Omit<JobRun, 'job' | 'input' | 'signal'> {
    const { record } = open;
    const { id } = record.job;
    let latest: string | undefined;
    let isTelling = false;

    async function tellProgress(): Promise<void> {
      isTelling = true;
      while (latest !== undefined && !open.hasEnded) {
        const progress = latest;
        latest = undefined;
        await link.run(scripts.progress, id, record.run, progress).catch(() => undefined);
      }
      isTelling = false;
    }

    return {
      progress(progress) {
        latest = JSON.stringify(progress);
        // One at a time is on its way: of those that come meanwhile the last is told.
        if (!isTelling) void tellProgress();
      },
      async complete(head, body) {
        if (open.hasEnded) return;
        const key = `${hashTag}.result:${id}:${record.run}`;
        const { signal } = open.stop;
        const whole = body instanceof Uint8Array && body.length <= smallBytes ? body : undefined;
        let bytes = whole?.length ?? 0;
        let index = 0;
        if (whole === undefined)
          for await (const piece of piecesOf(body)) {
            if (signal.aborted) break;
            const at = index++;
            await insist(
              link,
              () => writePiece(link, key, at, piece),
              () => isAbandoned,
            );
            bytes += piece.length;
          }
        const keep = async (): Promise<void> => {
          const answer = JSON.stringify(head);
          const isOurs = !signal.aborted && (await end(open, 'completed', undefined, answer, bytes, whole));
          if (!isOurs && whole === undefined) await link.client.unlink(key).catch(() => undefined);
        };
        await close(open, keep, true);
      },
      async fail(problem, again) {
        if (again && record.job.attempts < limits.attempts) await close(open, () => giveBack(open, true));
        else await close(open, () => end(open, 'failed', problem));
      },
      giveBack: () => close(open, () => giveBack(open, false)),
    };
  }

  /**
   * The run ends by this, or is left to its lock, which runs out: then another process has the job.
   * @param mayFail where Redis does not take it (it is full, say), the run has not ended, and may end in another way
   */
  async function close(open: OpenRun, how: () => Promise<unknown>, mayFail = false): Promise<void> {
    if (open.hasEnded) return;
    open.hasEnded = true;
    try {
      await how();
    } catch (error) {
      open.hasEnded = !mayFail;
      throw error;
    } finally {
      if (open.hasEnded && runs.get(open.record.job.id) === open) runs.delete(open.record.job.id);
      left(open.record.job.task);
    }
  }

  async function end(
    { record, ticket }: OpenRun,
    state: 'completed' | 'failed',
    problem?: JobProblem,
    head = '',
    bytes = 0,
    body?: Uint8Array,
  ): Promise<boolean> {
    const error = problem === undefined ? '' : JSON.stringify(problem);
    const { job, run } = record;
    const heard = await insist(
      link,
      () =>
        link.run(scripts.end, job.id, run, state, limits.keepMs, error, head, bytes, ...(body ? [body] : [])),
      () => isAbandoned,
    );
    // Where it is not heard, or its lock is gone, the next process that gets the ticket sees that the job has ended.
    if (state === 'completed' && hasSuccessor(job.task)) await handOn(job.task, ticket);
    else await ticket.done(heard === 1 ? problem?.detail : undefined).catch(() => undefined);
    return heard === 1;
  }

  async function giveBack({ record: { job, run }, ticket }: OpenRun, wasAttempt: boolean): Promise<void> {
    const untilMs = monotonicMs() + giveBackMs;
    const heard = await insist(
      link,
      () => link.run(scripts.again, job.id, run, wasAttempt ? 1 : 0),
      () => isAbandoned || monotonicMs() > untilMs,
    );
    if (heard !== 1) {
      await ticket.done(undefined).catch(() => undefined);
      return;
    }
    await ticket.giveBack().catch(() => undefined);
    wakeAll(job.task);
  }

  return {
    capacity(now) {
      most = now;
      pump();
    },
    wake(task) {
      if (task === undefined) for (const one of tasks) hints.add(one);
      else if (tasks.includes(task)) hints.add(task);
      pump();
    },
    cancelled(id) {
      const open = runs.get(id);
      if (open !== undefined) open.stop.abort('cancelled');
      else if (starts.size > 0) cancelledEarly.add(id);
    },
    async beat() {
      for (const task of tasks) if (isOpen) sourceOf(task);
      const alive = [...runs.values()];
      if (alive.length > 0 && link.isUp) {
        const told = await link.run(
          scripts.renew,
          lockMs,
          ...alive.flatMap(({ record: { job, run }, ticket }) => [
            job.id,
            run,
            ticket.token,
            queueKey(job.task),
          ]),
        );
        for (const [index, what] of (Array.isArray(told) ? told : []).entries())
          if (what !== 'ours') alive[index]?.stop.abort(what);
      }
    },
    async close() {
      isOpen = false;
      most = 0;
      await fetching;
      await Promise.all(starts.keys());
      await Promise.all([...sources.values()].map((source) => source.close()));
    },
    async abandon() {
      isOpen = false;
      most = 0;
      const gone = [...runs.values()];
      if (!link.isUp) isAbandoned = true;
      for (const open of gone) open.stop.abort('lost');
      await Promise.allSettled(gone.map((open) => close(open, () => giveBack(open, true))));
      isAbandoned = true;
      await Promise.all([...sources.values()].map((source) => source.close()));
    },
  };
}
