// Wrapped round the lane: identical calls of a task that says `share` have one run. The first one is let in, with its
// client and its place in the queue; those that come while it waits or runs wait for its result, and cost nothing. A
// caller that leaves, or whose deadline passes, goes alone: the run is stopped once nobody is left. Jobs share among
// themselves, for a live call must not wait for one that goes behind all others; most do so before they come here, in
// their store (jobs/store.ts), and here those do that it let run side by side.
import { monotonicMs } from '../clock.js';
import { AppError } from '../errors.js';
import type { Progress } from '../task.js';
import type { Task } from '../tasks/registry.js';
import type { CallRecord, CallResult } from './call.js';
import { callKey } from './call-key.js';
import { copyOf, createResultStore, type ResultStore } from './kept-results.js';
import type { CallListener, LaneCall, LaneWrapper, OpenCall, RunningLane } from './lane-call.js';
import { withResolvers } from './with-resolvers.js';

/** One caller of a shared run. */
interface Sharer {
  readonly listener: CallListener;
  readonly onProgress: ((progress: Progress) => void) | undefined;
  readonly arrivedMs: number;
  readonly resolve: (result: CallResult) => void;
  readonly reject: (error: unknown) => void;
}

interface SharedRun {
  readonly key: string;
  /** Those of its kind, among which it is found by its key until it has ended. */
  readonly among: Map<string, SharedRun>;
  readonly task: Task;
  /** Whose call it is; it may have left. */
  readonly first: Sharer;
  /** Those that wait for it. */
  readonly sharers: Set<Sharer>;
  open: OpenCall | undefined;
  /** What the lane says became of it. */
  record: CallRecord | undefined;
}

export function createSharing(): LaneWrapper {
  const live = new Map<string, SharedRun>();
  const jobs = new Map<string, SharedRun>();
  const stores = new Map<Task, ResultStore>();

  function storeOf(task: Task): ResultStore | undefined {
    const { share } = task.definition;
    if (typeof share !== 'object') return undefined;
    let store = stores.get(task);
    if (store === undefined) {
      store = createResultStore(share);
      stores.set(task, store);
    }
    return store;
  }

  function leave(run: SharedRun, sharer: Sharer, ...[outcome, error]: Parameters<OpenCall['stop']>): void {
    if (!run.sharers.delete(sharer)) return;
    if (run.sharers.size === 0) {
      run.among.delete(run.key);
      run.open?.stop(outcome, error);
    }
    sharer.listener.answered(recordOf(run, sharer, outcome));
    sharer.reject(error);
  }

  /** Everybody who waits has its end. */
  function end(run: SharedRun, tell: (sharer: Sharer) => void): void {
    const { key, among, record } = run;
    if (among.get(key) === run) among.delete(key);
    const outcome = record?.outcome === 'completed' ? 'shared' : (record?.outcome ?? 'failed');
    for (const sharer of run.sharers) {
      sharer.listener.answered(recordOf(run, sharer, outcome));
      tell(sharer);
    }
    run.sharers.clear();
  }

  function completed(run: SharedRun, result: CallResult): void {
    storeOf(run.task)?.keep(run.key, result);
    end(run, (sharer) =>
      sharer.resolve(sharer === run.first ? result : sharedResult(result, monotonicMs() - sharer.arrivedMs)),
    );
  }

  function streams(run: SharedRun, { stream }: CallResult): void {
    void stream?.[Symbol.asyncIterator]().return?.();
    const error = new AppError('TASK_FAILED', 'A task that shares its runs must not stream.');
    error.task = run.task.name;
    run.record = recordOf(run, run.first, 'failed');
    end(run, ({ reject }) => reject(error));
  }

  function join(run: SharedRun, sharer: Sharer, result: Promise<CallResult>): OpenCall {
    run.sharers.add(sharer);
    return { result, stop: (outcome, error) => leave(run, sharer, outcome, error) };
  }

  /** @throws AppError where it is not let in */
  function begin(lane: RunningLane, call: LaneCall, key: string, sharer: Sharer): SharedRun {
    const { task } = call;
    const run: SharedRun = {
      key,
      among: call.options.job === undefined ? live : jobs,
      task,
      first: sharer,
      sharers: new Set(),
      open: undefined,
      record: undefined,
    };
    // Its caller's deadline is not that of the others: deadline.ts, which is wrapped round this, sees to each.
    const { deadlineMs: _, ...options } = call.options;
    const onProgress = (progress: Progress): void => {
      for (const one of run.sharers) one.onProgress?.(progress);
    };
    run.open = lane.run(
      { ...call, options: { ...options, onProgress } },
      {
        answered(record) {
          run.record = record;
        },
        ran: (runMs) => sharer.listener.ran(runMs),
      },
    );
    return run;
  }

  return (lane) => ({
    checkRoom: lane.checkRoom,
    run(call, listener) {
      const { task, input, options } = call;
      if (!task.definition.share) return lane.run(call, listener);
      const key = callKey(task, input);
      if (key === undefined) return lane.run(call, listener);
      const kept = storeOf(task)?.get(key);
      if (kept !== undefined) {
        const ready = { ...sharedResult(kept.result, 0), ageMs: kept.ageMs };
        listener.answered({ task: task.name, outcome: 'shared', lane: 'none', queueMs: 0, runMs: 0 });
        return { ready, result: Promise.resolve(ready), stop: () => undefined };
      }
      const { promise, resolve, reject } = withResolvers<CallResult>();
      const { onProgress } = options;
      const sharer: Sharer = { listener, onProgress, arrivedMs: monotonicMs(), resolve, reject };
      const running = (options.job === undefined ? live : jobs).get(key);
      if (running !== undefined) return join(running, sharer, promise);

      const run = begin(lane, call, key, sharer);
      run.among.set(key, run);
      const open = join(run, sharer, promise);
      run.open?.result.then(
        (result) => (result.stream === undefined ? completed(run, result) : streams(run, result)),
        (error: unknown) => end(run, (one) => one.reject(error)),
      );
      return open;
    },
  });
}

/** The first one's is that of the run, where it waited for its end. */
function recordOf(run: SharedRun, sharer: Sharer, outcome: CallRecord['outcome']): CallRecord {
  if (sharer === run.first && run.record !== undefined) return run.record;
  return { task: run.task.name, outcome, lane: 'none', queueMs: monotonicMs() - sharer.arrivedMs, runMs: 0 };
}

function sharedResult(result: CallResult, waitedMs: number): CallResult {
  return { ...copyOf(result), lane: 'shared', queueMs: waitedMs, runMs: 0 };
}
