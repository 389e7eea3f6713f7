// The CPU lane, whole: places each call, inline or on a thread, and counts what becomes of it. How the thread lane works is
// thread-lane.ts; where a call belongs is placement.ts.
import { monotonicMs } from '../clock.js';
import { AppError, deadlineExceeded, shuttingDown } from '../errors.js';
import { validateInput } from '../tasks/input.js';
import { parseJson } from '../tasks/json.js';
import type { Task } from '../tasks/registry.js';
import type { CallInput, Lane } from './call.js';
import { createCallCounts } from './call-counts.js';
import { createEstimates } from './cost/estimate.js';
import { profileCall } from './cost/profile.js';
import { createInlineLane } from './inline-lane.js';
import type { LaneDeps } from './lane-deps.js';

import { runsInline } from './placement.js';
import { createThreadLane } from './thread-lane.js';

export function createLane(deps: LaneDeps): Lane {
  const { config, tasks, log, meter, onLoop = false, onCall = () => undefined } = deps;
  const counts = createCallCounts(
    tasks.map((task) => task.name),
    onCall,
  );
  const estimates = createEstimates();
  const inline = createInlineLane({ ...config, onLoop }, counts, log);
  const threads = createThreadLane(deps, counts);
  let closed = false;

  /** A refused call is counted, then told. */
  function counted<T>(task: Task, enter: () => T): T {
    try {
      return enter();
    } catch (error) {
      // Whatever is no refusal of ours is a fault of ours.
      const outcome = error instanceof AppError ? 'refused' : 'failed';
      counts.record({ task: task.name, outcome, lane: 'none', queueMs: 0, runMs: 0 });
      throw error;
    }
  }

  return {
    warm: async () => (onLoop ? undefined : threads.warm()),
    checkRoom(task, client) {
      counted(task, () => {
        meter?.check(client, monotonicMs());
        threads.checkRoom(client);
      });
    },
    call(task, input, options) {
      if (closed) throw shuttingDown();
      const nowMs = monotonicMs();
      if (options.deadlineMs !== undefined && options.deadlineMs <= nowMs) {
        counts.record({ task: task.name, outcome: 'expired', lane: 'none', queueMs: 0, runMs: 0 });
        throw deadlineExceeded();
      }
      const profile = profileCall(estimates, task, input);
      const charge =
        meter &&
        counted(task, () => meter.charge(options.client, profile.kind.likelyUs(profile.cost) / 1_000, nowMs));
      if (onLoop) return inline.run(task, inputValue(task, input), options, profile, charge);
      if (input.type === 'value' && runsInline(profile, config.inlineMaxUs, nowMs) && inline.isSetUp(task)) {
        return inline.run(task, input.value, options, profile, charge);
      }
      try {
        return counted(task, () => threads.submit(task, input, options, profile, charge));
      } catch (error) {
        charge?.ran(0, nowMs);
        throw error;
      }
    },
    status() {
      const { waiting, ...threadCounts } = threads.counts();
      return {
        threads: threadCounts,
        queue: { waiting, limit: config.poolMaxQueue },
        tasks: counts.counts(),
      };
    },
    takesError: (thrown, promise) => inline.takes(thrown, promise),
    refuseExit: () => inline.refuseExit(),
    close() {
      closed = true;
      return threads.close();
    },
  };
}

/** @throws AppError MALFORMED_BODY, INVALID_INPUT */
function inputValue({ definition }: Task, input: CallInput): unknown {
  return input.type === 'value' ? input.value : validateInput(definition, parseJson(input.bytes));
}
