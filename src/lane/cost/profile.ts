// What a call is expected to cost: the task's own statements, guarded, and the kind's learned estimate.

import type { Task } from '../../tasks/registry.js';
import type { CallInput } from '../call.js';
import { boundCost, type Estimates, type KindEstimate } from './estimate.js';

export interface CallProfile {
  readonly kind: KindEstimate;
  /** As stated, in rough µs (or bytes for a body that is parsed in the thread); only used through `kind`. */
  readonly cost: number;
  /** The task says that this call may run on the event loop. */
  readonly vouched: boolean;
}

/** The kind of all bodies that are too large to be parsed here: their size is the cost. */
const unparsedKind = '(unparsed body)';

/** Of those that are only checked. */
const checkedKind = '(checked body)';

/** Statements of a task that throw or make no sense count as none: the lane then learns from an even cost. */
export function profileCall(estimates: Estimates, task: Task, input: CallInput): CallProfile {
  if (input.type !== 'value') {
    const kind = estimates.kind(task.name, input.type === 'json' ? unparsedKind : checkedKind);
    return { kind, cost: boundCost(input.bytes.byteLength), vouched: false };
  }
  const { kind, cost, inline } = task.definition;
  try {
    return {
      kind: estimates.kind(task.name, kind === undefined ? '' : String(kind(input.value))),
      cost: boundCost(cost?.(input.value)),
      vouched: typeof inline === 'function' ? inline(input.value) === true : inline === true,
    };
  } catch {
    return { kind: estimates.kind(task.name, ''), cost: boundCost(undefined), vouched: false };
  }
}
