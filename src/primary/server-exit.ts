// How and why a server process ended, as the primary records it.
import type { Fault } from '../messages.js';

/** Why a server process ended. */
export type ExitReason =
  /** By itself, or by a signal from outside. */
  | 'died'
  | Fault
  | 'heartbeat timeout'
  | 'boot timeout'
  | 'unbootable'
  | 'other version'
  | 'drain timeout'
  | 'reload'
  | 'fewer processes'
  | 'stop';

export interface Exit {
  readonly pid: number;
  readonly slot: number;
  readonly code: number | null;
  readonly signal: string | null;
  readonly reason: ExitReason;
  /** Accepted requests that it had to cut when it left; null where it could not say. */
  readonly cut: number | null;
  /** ISO 8601. */
  readonly at: string;
}

/** Why a boot failed. `line`: for the user; `final`: another attempt would not change it. */
export interface BootFailure {
  readonly line: string;
  readonly final: boolean;
}
