// When a dead server process may be replaced, and when to give up. Pure: times and chance come as arguments.
//
// One back-off for the whole cluster: processes that run the same code die of the same causes.
import type { Timings } from './timings.js';

type Limits = Pick<
  Timings,
  'respawnFirstMs' | 'respawnMaxMs' | 'respawnJitter' | 'healthyAfterMs' | 'bootDeaths'
>;

export interface RespawnState {
  /** Deaths in a row without health between them. The processes that fell together at its start count once. */
  readonly streak: number;
  /** When the streak began; null without one. */
  readonly streakSinceMs: number | null;
  /** Before this, no process is forked. */
  readonly notBeforeMs: number;
}

export const initialRespawn: RespawnState = { streak: 0, streakSinceMs: null, notBeforeMs: 0 };

export interface Death {
  readonly nowMs: number;
  /** When the dead process was forked. */
  readonly forkedMs: number;
  /** Since when all server processes had been ready; undefined if they were not. */
  readonly healthySinceMs: number | undefined;
  /** From 0 to 1. */
  readonly chance: number;
}

/** The state after a death: the first is replaced at once, each further one doubles the wait. */
export function afterDeath(state: RespawnState, death: Death, limits: Limits): RespawnState {
  const healthy =
    death.healthySinceMs !== undefined && death.nowMs - death.healthySinceMs >= limits.healthyAfterMs;
  if (healthy || state.streakSinceMs === null)
    return { streak: 1, streakSinceMs: death.nowMs, notBeforeMs: death.nowMs };
  // It fell with the others, before any replacement was tried: that says nothing of the replacements.
  if (death.forkedMs <= state.streakSinceMs) return state;
  const streak = state.streak + 1;
  return {
    ...state,
    streak,
    notBeforeMs: Math.max(state.notBeforeMs, death.nowMs + waitMs(streak, death.chance, limits)),
  };
}

/** The state after a fork: during a streak the next fork has to wait too, so that many slots are no faster than one. */
export function afterFork(
  state: RespawnState,
  fork: { readonly nowMs: number; readonly chance: number },
  limits: Limits,
): RespawnState {
  if (state.streak < 2) return state;
  return { ...state, notBeforeMs: fork.nowMs + waitMs(state.streak, fork.chance, limits) };
}

function waitMs(streak: number, chance: number, limits: Limits): number {
  const plain = Math.min(limits.respawnMaxMs, limits.respawnFirstMs * 2 ** (streak - 2));
  return plain * (1 + limits.respawnJitter * (2 * chance - 1));
}

/** Whether to end it all: only before any server process was ready. Undefined: go on. */
export function giveUp(
  boot: { readonly deaths: number; readonly elapsedMs: number; readonly timeoutMs: number },
  limits: Limits,
): string | undefined {
  if (boot.deaths >= limits.bootDeaths) return `${boot.deaths} server processes died before one was ready`;
  if (boot.elapsedMs >= boot.timeoutMs)
    return `no server process was ready within ${boot.timeoutMs} ms (BOOT_TIMEOUT_MS)`;
  return undefined;
}
