// A message that a thread is at, with its row in shared memory. Once the thread is told to leave, the row is the lane's
// again: the call that runs goes on without it.
import { monotonicMs } from '../clock.js';
import { type StopFlag, stopFlag } from '../tasks/call-context.js';
import type { ControlRow } from './shared-rows.js';
import type { StreamOut } from './stream-out.js';

export interface Turn {
  /** Not to be written any more once it is left. */
  readonly row: ControlRow;
  readonly isLeft: boolean;
  /** Where the call that runs streams: then its reply comes behind its chunks, by the same way. */
  out: StreamOut | undefined;
  leave(): void;
  /** The event loop turns. */
  turned(): void;
  flag(call: number): StopFlag;
}

export function createTurn(row: ControlRow): Turn {
  let isLeft = false;
  return {
    row,
    out: undefined,
    get isLeft() {
      return isLeft;
    },
    leave() {
      isLeft = true;
    },
    turned() {
      if (!isLeft) row.turnedMs = monotonicMs();
    },
    // Nobody waits for the call that a thread is left to.
    flag: (call) => (isLeft ? stopFlag.cancelled : row.flag(call)),
  };
}
