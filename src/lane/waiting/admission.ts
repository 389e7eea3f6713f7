// Lets a call in or refuses it at once, and says when to come back. Pure.
import { type AppError, refusalForLoad } from '../../errors.js';

export interface AdmissionLimits {
  /** Calls that may wait. */
  readonly maxQueue: number;
  /** Longest estimated wait, in ms. */
  readonly maxWaitMs: number;
}

export interface Load {
  /** Calls that wait, long ones not among them. */
  readonly waiting: number;
  readonly waitingLong: number;
  /** Calls that are held by their tasks' own limits: they take places, but no thread yet. */
  readonly held: number;
  /** Messages more that the threads could take, were all of them started. */
  readonly room: number;
  /** Of these, how many may be long calls. */
  readonly longRoom: number;
}

export const admissionDetail = 'More work is waiting than can be done in time; try again later.';

/** Calls that wait for nothing but a thread that is being started. */
export function startable({ waiting, waitingLong, room, longRoom }: Load): number {
  return Math.min(room, waiting + Math.min(waitingLong, longRoom));
}

/** Whether one more call would wait for nothing but a thread that is being started, if at all. */
export function startsAtOnce(load: Load, isLong: boolean): boolean {
  return startable(load) < load.room && (!isLong || load.waitingLong < load.longRoom);
}

/**
 * No place by count for one more call. What only waits for a thread that is being started takes no place in the
 * queue, and needs none; so a short call is let in where a thread is kept from the long ones that fill the queue.
 * @param isHeld it would wait for others of its own task
 */
export function isFull(maxQueue: number, load: Load, isLong: boolean, isHeld: boolean): boolean {
  if (!isHeld && startsAtOnce(load, isLong)) return false;
  return load.held + load.waiting + load.waitingLong - startable(load) >= maxQueue;
}

/** How long a call may wait: the setting, its task's own limit, or what its deadline leaves, in ms. */
export function allowedWaitMs(
  limits: AdmissionLimits,
  nowMs: number,
  deadlineMs: number | undefined,
  taskWaitMs = Number.POSITIVE_INFINITY,
): number {
  const mostMs = Math.min(limits.maxWaitMs, taskWaitMs);
  return deadlineMs === undefined ? mostMs : Math.min(mostMs, deadlineMs - nowMs);
}

/**
 * Whole seconds, at least 1, at most 60, after which the excess will have drained; spread by up to half and a
 * second, so that refused clients do not return together.
 * @param excessUs estimated work that must be done before the call would be let in
 * @param drainUsPerSecond estimated work that was done per second lately
 * @param random from 0 to 1
 */
export function retryAfterSeconds(excessUs: number, drainUsPerSecond: number, random: number): number {
  const seconds = excessUs / Math.max(drainUsPerSecond, 1_000);
  return Math.max(1, Math.min(60, Math.ceil(seconds * (1 + random / 2) + random)));
}

export function overloaded(excessUs: number, drainUsPerSecond: number, random: number): AppError {
  return refusalForLoad('OVERLOADED', admissionDetail, {
    retryAfterSeconds: retryAfterSeconds(excessUs, drainUsPerSecond, random),
    notBegun: true,
  });
}
