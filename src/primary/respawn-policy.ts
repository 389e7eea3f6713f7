// When a server process may be forked, and when to give up. Pure: times and chance come as arguments.
//
// One back-off for the whole cluster: processes that run the same code die of the same causes.
import type { Timings } from './timings.js';

type Limits = Pick<
  Timings,
  | 'respawnFirstMs'
  | 'respawnMaxMs'
  | 'respawnJitter'
  | 'healthyAfterMs'
  | 'respawnsPerWindow'
  | 'respawnWindowMs'
  | 'bootDeaths'
>;

export interface RespawnState {
  /** Generations that died in a row without health between them: those that fell together count once. */
  readonly streak: number;
  /** When the streak was last counted. A process forked before then is of the generation that was counted. */
  readonly countedMs: number;
  /** Before this, no process is forked in the place of a lost one. */
  readonly notBeforeMs: number;
  /** When the last replacements of this streak were forked, without those that replaced the first generation. */
  readonly forksMs: readonly number[];
}

export const initialRespawn: RespawnState = { streak: 0, countedMs: 0, notBeforeMs: 0, forksMs: [] };

export interface Death {
  readonly nowMs: number;
  /** When the dead process was forked. */
  readonly forkedMs: number;
  /** From 0 to 1. */
  readonly chance: number;
}

/** The state while all server processes have been ready since then: after a minute, all is forgotten. */
export function whileHealthy(
  state: RespawnState,
  health: { readonly nowMs: number; readonly sinceMs: number },
  limits: Limits,
): RespawnState {
  return health.nowMs - health.sinceMs >= limits.healthyAfterMs ? initialRespawn : state;
}

/** The state after a death: the first generation is replaced at once, each further one doubles the wait. */
export function afterDeath(state: RespawnState, death: Death, limits: Limits): RespawnState {
  const { nowMs } = death;
  if (state.streak === 0) return { ...initialRespawn, streak: 1, countedMs: nowMs, notBeforeMs: nowMs };
  // It fell with the others, before any replacement was tried: that says nothing of the replacements.
  if (death.forkedMs <= state.countedMs) return state;
  const streak = state.streak + 1;
  return pausing({ ...state, streak, countedMs: nowMs }, death, limits);
}

/** The state after a replacement: during a streak the next one has to wait too, so that many slots are no faster than one. */
export function afterFork(
  state: RespawnState,
  fork: { readonly nowMs: number; readonly chance: number },
  limits: Limits,
): RespawnState {
  if (state.streak < 2) return state;
  const forksMs = [...state.forksMs, fork.nowMs].slice(-limits.respawnsPerWindow);
  return pausing({ ...state, forksMs }, fork, limits);
}

/** No fork for the streak's wait from now on, and none that would be one too many within the window. */
function pausing(
  state: RespawnState,
  { nowMs, chance }: { readonly nowMs: number; readonly chance: number },
  limits: Limits,
): RespawnState {
  const { respawnFirstMs, respawnMaxMs, respawnJitter, respawnsPerWindow, respawnWindowMs } = limits;
  const plainMs = Math.min(respawnMaxMs, respawnFirstMs * 2 ** (state.streak - 2));
  const waitedMs = nowMs + plainMs * (1 + respawnJitter * (2 * chance - 1));
  const [oldestMs] = state.forksMs;
  const isFull = oldestMs !== undefined && state.forksMs.length === respawnsPerWindow;
  const windowMs = isFull ? oldestMs + respawnWindowMs : 0;
  return { ...state, notBeforeMs: Math.max(state.notBeforeMs, waitedMs, windowMs) };
}

/**
 * How long to wait before the next fork.
 * @param isDamaged whether a lost process is not replaced yet: otherwise it is no replacement, and need not wait
 */
export function waitMs(state: RespawnState, nowMs: number, isDamaged: boolean): number {
  return isDamaged ? Math.max(0, Math.ceil(state.notBeforeMs - nowMs)) : 0;
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
