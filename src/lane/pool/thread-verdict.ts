// What is made of a thread that does not do what it should: whether it is blocked once its call was asked to stop, and how
// long it may be at none of the calls that it has. What is then done is in-flight.ts. One that was told to leave, and does
// not, is pool-thread.ts.
import { monotonicMs } from '../../clock.js';
import { longestSetupMs } from '../../tasks/setups.js';
import type { ControlRow } from '../../thread/shared-rows.js';
import type { PendingCall } from '../pending-call.js';
import type { CoreWatch } from './core-time.js';

/** A call was asked to stop. */
export interface Stopping {
  readonly sinceMs: number;
  readonly core: CoreWatch | undefined;
}

/**
 * When a thread is taken for blocked whose event loop is not seen to turn, though it is to be every 10 ms: once it has
 * used so much of a core meanwhile; once it sleeps, and has been silent for so long; and, where it got no core or nobody
 * knows, at the latest.
 */
const turnsWithinMs = 100;
const asleepAfterMs = 1_000;
const blockedAfterMs = process.platform === 'linux' ? 30_000 : 1_000;

/** A thread that is at none of its calls for less than this may be loading a task's file. */
const leastStallMs = 10_000;

/** What is known of the event loop of a thread whose call was asked to stop. */
export function loopVerdict(
  row: Pick<ControlRow, 'turnedMs'>,
  stopping: Stopping | undefined,
): 'turns' | 'blocked' | 'unknown' {
  if (stopping === undefined) return 'blocked';
  if (row.turnedMs > stopping.sinceMs) return 'turns';
  const silentMs = monotonicMs() - stopping.sinceMs;
  const isAsleep = stopping.core?.isAsleep() === true;
  if ((stopping.core?.usedMs() ?? 0) >= turnsWithinMs) return 'blocked';
  return silentMs >= (isAsleep ? asleepAfterMs : blockedAfterMs) ? 'blocked' : 'unknown';
}

/** A thread may be loading a task's file then, or be at its setup. */
export function longestStallMs(calls: readonly PendingCall[], taskTimeoutMs: number): number {
  const hasSetup = calls.some(({ task }) => task.definition.setup !== undefined);
  return Math.max(taskTimeoutMs, leastStallMs) + (hasSetup ? longestSetupMs : 0);
}
