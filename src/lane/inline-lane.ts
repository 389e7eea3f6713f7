// The inline lane: runs a call on the event loop, at once. Which calls may is placement.ts; what becomes of those that
// are not what their author vouched for is inline-watch.ts. Nothing can end a call that does not stop here by itself.
import { monotonicMs } from '../clock.js';
import { AppError, deadlineExceeded, toAppError } from '../errors.js';
import type { Logger } from '../log.js';
import type { TaskDefinition } from '../task.js';
import { type CallContext, createCallContext, type StopFlag, stopFlag } from '../tasks/call-context.js';
import type { CallLog } from '../tasks/call-log.js';
import { errorReport } from '../tasks/error-report.js';
import { isBuiltIn } from '../tasks/files.js';
import type { Task } from '../tasks/registry.js';
import { type CallReply, outcomeOf, replyError } from '../tasks/reply.js';
import { failed, runTask } from '../tasks/run-task.js';
import { createSetups, type SetupValue } from '../tasks/setups.js';
import type { StreamSink } from '../tasks/stream.js';
import { setAlarm } from './alarm.js';
import { CallCancelled, type CallRecord, type CallResult } from './call.js';
import type { KindEstimate } from './cost/estimate.js';
import { createInlineStream } from './inline-stream.js';
import { type BrokenPromise, createInlineWatch, type InlineWatch } from './inline-watch.js';
import type { CallListener, LaneCall, OpenCall } from './lane-call.js';
import { longestRunMs, runLimitError } from './pending-call.js';
import { surpriseFactor } from './placement.js';
import { createTaskLog } from './task-log.js';
import { withResolvers } from './with-resolvers.js';

export interface InlineLane extends Pick<InlineWatch<unknown>, 'takes' | 'refuseExit'> {
  /** Whether a call would not have to wait for the task's setup, which begins when this is first asked. */
  isSetUp(task: Task): boolean;
  /** @param input the call's, as a value */
  run(call: LaneCall, input: unknown, listener: CallListener): OpenCall;
}

export interface InlineLimits {
  readonly inlineMaxUs: number;
  readonly taskTimeoutMs: number;
  /** There are no threads to go back to. */
  readonly onLoop: boolean;
}

interface InlineCall extends Pick<LaneCall, 'task' | 'options' | 'profile'> {
  readonly listener: CallListener;
  readonly beganMs: number;
  /** From then on its signal says that it is to stop. */
  readonly limitMs: number;
  /** Once it has logged something. */
  log: CallLog | undefined;
  /** Where it proves to be asynchronous: it may stream. */
  sink: StreamSink | undefined;
}

export function createInlineLane(
  { inlineMaxUs, taskTimeoutMs, onLoop }: InlineLimits,
  log: Logger,
): InlineLane {
  const surpriseUs = inlineMaxUs * surpriseFactor;
  const told = new WeakSet<KindEstimate>();
  const setups = createSetups();
  const begun = new WeakSet<Task>();

  const watch = createInlineWatch<InlineCall>({
    broke: keepOnThreads,
    threw(call, thrown) {
      logOf(call).error('an error that a task left behind', { err: errorReport(thrown) });
    },
  });

  function logOf(call: InlineCall): CallLog {
    call.log ??= createTaskLog(log, call.task, call.options, watch.aside);
    return call.log;
  }

  /** Once: where it fails here, its calls run on threads, as they did before. */
  async function setUp(task: Task): Promise<void> {
    begun.add(task);
    try {
      await setups.of(task.definition);
    } catch (error) {
      log.warn({ task: task.name, err: error }, 'it cannot be set up on the event loop: it stays on threads');
    }
  }

  /** In place of threads: a call waits for the setup. */
  function runSetUp(
    definition: TaskDefinition,
    context: CallContext,
    run: () => CallReply | Promise<CallReply>,
  ): CallReply | Promise<CallReply> {
    const startedMs = performance.now();
    const go = ({ value }: SetupValue): CallReply | Promise<CallReply> => {
      context.setup = value;
      return run();
    };
    try {
      const setup = setups.of(definition);
      if (!(setup instanceof Promise)) return go(setup);
      return setup.then(go, (thrown: unknown) => failed(thrown, startedMs, false));
    } catch (thrown) {
      return failed(thrown, startedMs, true);
    }
  }

  function keepOnThreads({ task, profile: { kind } }: InlineCall, how: BrokenPromise): void {
    kind.keepOnThreads();
    if (onLoop || told.has(kind)) return;
    told.add(kind);
    watch.aside(() => log.warn({ task: task.name }, `it says inline, but ${how}: now it runs on threads`));
  }

  function answered({ task, listener }: InlineCall, outcome: CallRecord['outcome'], runMs: number): void {
    listener.answered({ task: task.name, outcome, lane: 'inline', queueMs: 0, runMs });
  }

  /** @returns undefined for one that has streamed */
  function answer(call: InlineCall, reply: CallReply): CallResult | undefined {
    if (reply.type === 'skipped') throw new TypeError('nothing is skipped inline');
    const { runMs } = reply;
    const nowMs = monotonicMs();
    const { kind, cost } = call.profile;
    const runUs = runMs * 1_000;
    // What failed at once says nothing of what a call takes.
    if (reply.type !== 'failed' || runUs > kind.likelyUs(cost))
      kind.learnInline(cost, runUs, surpriseUs, nowMs);
    const isExpired = reply.type === 'failed' && nowMs >= call.limitMs;
    answered(call, isExpired ? 'expired' : outcomeOf(reply), runMs);
    if (isExpired) throw lateError(call);
    if (reply.type === 'failed') throw ofTask(call, replyError(reply));
    if (reply.type === 'streamed') return undefined;
    const { contentType, body, head } = reply;
    return { lane: 'inline', contentType, body, head, queueMs: 0, runMs };
  }

  /** It is asynchronous, against its author's word: answered in time all the same, whatever becomes of it. */
  function answerLater(
    call: InlineCall,
    reply: Promise<CallReply>,
    context: CallContext,
    tell: (flag: StopFlag) => void,
  ): OpenCall {
    keepOnThreads(call, 'leaves work behind');
    const { promise, resolve, reject } = withResolvers<CallResult>();
    const unwatch = context.watch();
    const streaming = createInlineStream(() => monotonicMs() >= call.limitMs, {
      first(head, stream) {
        const runMs = monotonicMs() - call.beganMs;
        resolve({ lane: 'inline', body: '', ...head, queueMs: 0, runMs, stream });
      },
      left: () => stop('cancelled', new CallCancelled('The caller has left.')),
    });
    call.sink = streaming.sink;
    const alarm = setAlarm(call.limitMs, () => stop('expired', lateError(call)));
    let isAnswered = false;

    function stop(outcome: 'expired' | 'cancelled', error: Error): void {
      if (isAnswered) return;
      isAnswered = true;
      alarm.clear();
      tell(stopFlag[outcome]);
      streaming.stop();
      answered(call, outcome, monotonicMs() - call.beganMs);
      if (error instanceof AppError) error.task = call.task.name;
      if (streaming.open === undefined) reject(error);
      else streaming.open.cut(error);
    }
    void reply.then((settled) => {
      unwatch();
      call.log?.end();
      // The signal may have ended it before the alarm.
      if (monotonicMs() >= call.limitMs) stop('expired', lateError(call));
      if (isAnswered) return;
      isAnswered = true;
      alarm.clear();
      try {
        const result = answer(call, settled);
        if (result === undefined) streaming.open?.end();
        else resolve(result);
      } catch (error) {
        if (streaming.open === undefined) reject(error);
        else streaming.open.fail(toAppError(error));
      }
    });
    return { result: promise, stop };
  }

  return {
    run({ task, options, profile }, input, listener) {
      const beganMs = monotonicMs();
      const mostMs = longestRunMs(task, taskTimeoutMs);
      const limitMs = Math.min(beganMs + mostMs, options.deadlineMs ?? Number.POSITIVE_INFINITY);
      const call: InlineCall = {
        task,
        options,
        profile,
        listener,
        beganMs,
        limitMs,
        log: undefined,
        sink: undefined,
      };
      let flag: StopFlag = stopFlag.none;
      const context = createCallContext(
        () => (flag === stopFlag.none && monotonicMs() >= limitMs ? stopFlag.expired : flag),
        () => logOf(call),
        options.job === undefined ? options : { ...options, client: options.job.chargedTo },
        (progress) => watch.aside(() => options.onProgress?.(progress)),
      );
      const { definition } = task;
      const runIt = (): CallReply | Promise<CallReply> =>
        runTask(definition, input, context, () => sinkOf(call));
      const act = definition.setup === undefined ? runIt : () => runSetUp(definition, context, runIt);
      // What is ours leaves nothing behind, and a watch takes as long as a small digest.
      const reply = isBuiltIn(task.module) && !onLoop ? act() : watch.run(call, act);
      if (reply instanceof Promise) {
        return answerLater(call, reply, context, (stopped) => {
          flag = stopped;
        });
      }
      call.log?.end();
      try {
        const ready = answer(call, reply);
        if (ready === undefined) throw new TypeError('nothing streams at once');
        return { ready, result: Promise.resolve(ready), stop: nothing };
      } catch (error) {
        return { result: Promise.reject(error), stop: nothing };
      }
    },
    isSetUp(task) {
      if (setups.made(task.definition) !== undefined) return true;
      if (!begun.has(task)) void setUp(task);
      return setups.made(task.definition) !== undefined;
    },
    takes: watch.takes,
    refuseExit: watch.refuseExit,
  };
}

/** A stream is opened only once its run is waited for. */
function sinkOf({ sink }: InlineCall): StreamSink {
  if (sink === undefined) throw new TypeError('nothing streams at once');
  return sink;
}

function lateError(call: InlineCall): AppError {
  return ofTask(call, call.limitMs === call.options.deadlineMs ? deadlineExceeded() : runLimitError());
}

function ofTask({ task }: InlineCall, error: AppError): AppError {
  error.task = task.name;
  return error;
}

const nothing = (): void => undefined;
