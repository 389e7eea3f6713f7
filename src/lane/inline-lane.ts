// The inline lane: runs a call on the event loop, at once. Which calls may is placement.ts; deadlines and
// cancellation are promises of the thread lane, for what runs here has ended before anybody could ask.
import { monotonicMs } from '../clock.js';
import type { Logger } from '../log.js';
import { createCallContext, stopFlag } from '../tasks/call-context.js';
import type { Task } from '../tasks/registry.js';
import { type CallReply, outcomeOf, replyError } from '../tasks/reply.js';
import { runTask } from '../tasks/run-task.js';
import type { Call, CallCharge, CallOptions, CallResult } from './call.js';
import type { Ledger } from './call-counts.js';
import type { CallProfile } from './cost/profile.js';
import { surpriseFactor } from './placement.js';
import { createTaskLog } from './task-log.js';

export interface InlineLane {
  run(
    task: Task,
    input: unknown,
    options: CallOptions,
    profile: CallProfile,
    charge: CallCharge | undefined,
  ): Call;
}

export function createInlineLane(inlineMaxUs: number, ledger: Ledger, log: Logger): InlineLane {
  const surpriseUs = inlineMaxUs * surpriseFactor;

  function answer(
    task: Task,
    profile: CallProfile,
    charge: CallCharge | undefined,
    reply: CallReply,
  ): CallResult {
    if (reply.type === 'skipped') throw new TypeError('nothing is skipped inline');
    const { runMs } = reply;
    const nowMs = monotonicMs();
    const { kind, cost } = profile;
    const runUs = runMs * 1_000;
    // What failed at once says nothing of what a call takes.
    if (reply.type === 'done' || runUs > kind.likelyUs(cost))
      kind.learnInline(cost, runUs, surpriseUs, nowMs);
    charge?.ran(runMs, nowMs);
    ledger.record({ task: task.name, outcome: outcomeOf(reply), lane: 'inline', queueMs: 0, runMs });
    if (reply.type === 'failed') throw replyError(reply);
    return { lane: 'inline', contentType: reply.contentType, body: reply.body, queueMs: 0, runMs };
  }

  async function settle(
    task: Task,
    profile: CallProfile,
    charge: CallCharge | undefined,
    reply: Promise<CallReply>,
  ): Promise<CallResult> {
    // It was synchronous until now: what it is seen to be here keeps the kind on threads from now on.
    profile.kind.learn(profile.cost, 0, false);
    return answer(task, profile, charge, await reply);
  }

  return {
    run(task, input, options, profile, charge) {
      const context = createCallContext(neverStopped, () => createTaskLog(log, task, options));
      const reply = runTask(task.definition, input, context);
      if (reply instanceof Promise) return { result: settle(task, profile, charge, reply), cancel: nothing };
      try {
        const ready = answer(task, profile, charge, reply);
        return { ready, result: Promise.resolve(ready), cancel: nothing };
      } catch (error) {
        return { result: Promise.reject(error), cancel: nothing };
      }
    },
  };
}

const neverStopped = (): typeof stopFlag.none => stopFlag.none;
const nothing = (): void => undefined;
