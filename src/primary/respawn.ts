// What has happened to the server processes so far, as far as it decides about the next fork. The decisions
// themselves are respawn-policy.ts; this keeps their state and reads the clock.
import { monotonicMs } from '../clock.js';
import { exitCodes, type Outcome } from './exit-codes.js';
import {
  afterDeath,
  afterFork,
  giveUp,
  initialRespawn,
  type RespawnState,
  waitMs,
  whileHealthy,
} from './respawn-policy.js';
import type { ServerHandle } from './server-handle.js';
import type { Timings } from './timings.js';

/** A process that was lost. */
export type Fallen = Pick<ServerHandle, 'forkedMs' | 'bootFailure'>;

export class Respawn {
  readonly #timings: Timings;
  readonly #bootTimeoutMs: number;
  readonly #startedMs = monotonicMs();
  #state = initialRespawn;
  #healthySinceMs: number | undefined;
  #bootDeaths = 0;

  constructor(timings: Timings, bootTimeoutMs: number) {
    this.#timings = timings;
    this.#bootTimeoutMs = bootTimeoutMs;
  }

  /** Deaths in a row. */
  get streak(): number {
    return this.#state.streak;
  }

  /** How long no process may be forked from now on; 0: now. See respawn-policy.ts. */
  waitMs(isDamaged: boolean): number {
    return waitMs(this.#current(), monotonicMs(), isDamaged);
  }

  /** In the place of one that was lost. */
  forked(): void {
    const fork = { nowMs: monotonicMs(), chance: Math.random() };
    this.#state = afterFork(this.#current(), fork, this.#timings);
  }

  died({ forkedMs }: Fallen): void {
    const death = { nowMs: monotonicMs(), forkedMs, chance: Math.random() };
    this.#state = afterDeath(this.#current(), death, this.#timings);
  }

  healthy(allReady: boolean): void {
    this.#state = this.#current();
    this.#healthySinceMs = allReady ? (this.#healthySinceMs ?? monotonicMs()) : undefined;
  }

  /** The state, once health has had its say. */
  #current(): RespawnState {
    const sinceMs = this.#healthySinceMs;
    if (sinceMs === undefined) return this.#state;
    return whileHealthy(this.#state, { nowMs: monotonicMs(), sinceMs }, this.#timings);
  }

  /** A process died before any was ready. @returns how to end, where that is to be expected of all others too */
  diedInBoot({ bootFailure }: Fallen): Outcome | undefined {
    this.#bootDeaths++;
    const line = bootFailure?.line ?? 'a server process was lost';
    return bootFailure?.final === true ? { code: exitCodes.unusable, line } : this.hopeless(line);
  }

  /** How to end where none was ever ready and none will be. */
  hopeless(last: string): Outcome | undefined {
    const elapsedMs = monotonicMs() - this.#startedMs;
    const boot = { deaths: this.#bootDeaths, elapsedMs, timeoutMs: this.#bootTimeoutMs };
    const why = giveUp(boot, this.#timings);
    return why === undefined ? undefined : { code: exitCodes.gaveUp, line: `gave up: ${why}; last: ${last}` };
  }
}
