// The CPU lane, whole: places each call, inline or on a thread. What becomes of it is counted, its deadline and its
// client's quota are kept, and identical calls have one run, by wrappers round that. How the thread lane works is
// thread-lane.ts; where a call belongs is placement.ts.
import { monotonicMs } from '../clock.js';
import { shuttingDown } from '../errors.js';
import { jsonType } from '../media-types.js';
import { validateInput } from '../tasks/input.js';
import { parseJson } from '../tasks/json.js';
import type { Task } from '../tasks/registry.js';
import { CallCancelled, type CallInput, type CallResult, type Lane } from './call.js';
import { createCallCounts } from './call-counts.js';
import { withSpans } from './call-spans.js';
import { createEstimates } from './cost/estimate.js';
import { profileCall } from './cost/profile.js';
import { withDeadlines } from './deadline.js';
import { createInlineLane } from './inline-lane.js';
import type { CallListener, OpenCall, RunningLane } from './lane-call.js';
import { type LaneOptions, withDefaults } from './lane-deps.js';
import { withMeter } from './metering.js';
import { runsInline } from './placement.js';
import { createSharing } from './sharing.js';
import { createThreadLane } from './thread-lane.js';

export { callKey } from './call-key.js';

export function createLane(options: LaneOptions): Lane {
  const deps = withDefaults(options);
  const { config, tasks, log, meter, onLoop, onCall, traced } = deps;
  const estimates = createEstimates();
  const inline = createInlineLane({ ...config, onLoop }, log);
  const threads = createThreadLane(deps);
  const placed: RunningLane = {
    checkRoom: threads.checkRoom,
    run(call, listener) {
      const { task, input, profile } = call;
      if (onLoop && input.type === 'check') return checked(task, input);
      if (onLoop) return inline.run(call, inputValue(task, input), listener);
      const isInline =
        input.type === 'value' &&
        runsInline(profile, config.inlineMaxUs, monotonicMs()) &&
        inline.isSetUp(task);
      return isInline ? inline.run(call, input.value, listener) : threads.run(call, listener);
    },
  };
  const sharing = createSharing()(placed);
  const metered = meter === undefined ? sharing : withMeter(meter)(sharing);
  const counts = createCallCounts(tasks, onCall);
  const counted = counts.wrapper(withDeadlines(metered));
  const lane = traced ? withSpans(counted) : counted;
  let closed = false;

  return {
    warm: async () => (onLoop ? undefined : threads.warm()),
    checkRoom: lane.checkRoom,
    checkQuota(task, client, input) {
      if (meter === undefined) return;
      const nowMs = monotonicMs();
      meter.check(client, nowMs);
      if (input === undefined) return;
      const { kind, cost } = profileCall(estimates, task, input);
      meter.charge(client, kind.likelyUs(cost) / 1_000, nowMs).ran(0, nowMs);
    },
    jobRoom: () => (onLoop ? { most: 1, now: 1 } : threads.jobRoom()),
    call(task, input, options) {
      if (closed) throw shuttingDown();
      const call = { task, input, options, profile: profileCall(estimates, task, input) };
      // Nothing of the task runs where a body is only checked: that is neither counted nor charged.
      const { ready, result, stop } = (input.type === 'check' ? placed : lane).run(call, nobody);
      const cancel = (): void => stop('cancelled', new CallCancelled('The caller has left.'));
      return ready === undefined ? { result, cancel } : { ready, result, cancel };
    },
    status() {
      const { waiting, ...threadCounts } = threads.counts();
      return {
        threads: threadCounts,
        queue: { waiting, limit: config.poolMaxQueue },
        tasks: counts.counts(),
      };
    },
    load: () => threads.load(),
    takesError: (thrown, promise) => inline.takes(thrown, promise),
    refuseExit: () => inline.refuseExit(),
    close() {
      closed = true;
      return threads.close();
    },
  };
}

const nobody: CallListener = { answered: () => undefined, ran: () => undefined };

/** Without threads. @throws AppError MALFORMED_BODY, INVALID_INPUT */
function checked(task: Task, input: CallInput): OpenCall {
  inputValue(task, input);
  const ready: CallResult = { lane: 'inline', contentType: jsonType, body: 'null', queueMs: 0, runMs: 0 };
  return { ready, result: Promise.resolve(ready), stop: () => undefined };
}

/** @throws AppError MALFORMED_BODY, INVALID_INPUT */
function inputValue({ definition }: Task, input: CallInput): unknown {
  return input.type === 'value' ? input.value : validateInput(definition, parseJson(input.bytes));
}
