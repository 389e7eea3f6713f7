import { describe, expect, it } from 'vitest';
import {
  afterDeath,
  afterFork,
  giveUp,
  initialRespawn,
  type RespawnState,
  waitMs,
  whileHealthy,
} from '#src/primary/respawn-policy.js';
import { defaultTimings } from '#src/primary/timings.js';

const middle = 0.5;
const minuteMs = 60_000;

/**
 * All fall at the start, and each replacement falls `livesMs` after its fork, forked as soon as the policy allows:
 * the times of the forks within ten minutes, without the first round. A fork takes a millisecond.
 */
function crashLoop(slots: number, livesMs: number, chance: number): number[] {
  const forks: number[] = [];
  const living: number[] = [];
  let missing = slots;
  let state: RespawnState = initialRespawn;
  for (let i = 0; i < slots; i++) state = die(state, 0, -minuteMs, chance);
  for (let nowMs = 0; nowMs < 10 * minuteMs; ) {
    const [oldest] = living;
    const diesMs = oldest === undefined ? Number.POSITIVE_INFINITY : oldest + livesMs;
    const forksMs = missing > 0 ? Math.max(nowMs + 1, state.notBeforeMs) : Number.POSITIVE_INFINITY;
    nowMs = Math.min(diesMs, forksMs);
    if (diesMs <= forksMs) {
      state = die(state, nowMs, Number(living.shift()), chance);
      missing++;
    } else {
      if (state.streak > 1) forks.push(nowMs);
      living.push(nowMs);
      missing--;
      state = afterFork(state, { nowMs, chance }, defaultTimings);
    }
  }
  return forks;
}

/** The most of them that lie within any minute. */
function mostInAMinute(forks: readonly number[]): number {
  return Math.max(
    0,
    ...forks.map((first) => forks.filter((fork) => fork >= first && fork < first + minuteMs).length),
  );
}

function die(state: RespawnState, nowMs: number, forkedMs: number, chance = middle): RespawnState {
  return afterDeath(state, { nowMs, forkedMs, chance }, defaultTimings);
}

/** So many generations of one process, each dead half a millisecond after its fork. */
function deaths(count: number): RespawnState {
  let state = die(initialRespawn, 0, -1);
  for (let i = 1; i < count; i++) state = die(state, state.notBeforeMs + 1, state.notBeforeMs + 0.5);
  return state;
}

describe('replacement', () => {
  it('comes at once after the first death', () => {
    expect(die(initialRespawn, 5_000, 0)).toMatchObject({ streak: 1, notBeforeMs: 5_000 });
  });

  it('waits 200 ms after the second death, doubling to 30 s', () => {
    const waits: number[] = [];
    let state = die(initialRespawn, 0, -1);
    for (let nowMs = 1; waits.length < 10; nowMs = state.notBeforeMs + 1) {
      state = die(state, nowMs, nowMs - 0.5);
      waits.push(state.notBeforeMs - nowMs);
    }
    expect(waits).toEqual([200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]);
  });

  it.each([
    [0, 160],
    [0.5, 200],
    [1, 240],
  ])('differs by a fifth either way: chance %f, %i ms', (chance, wait) => {
    const state = die(die(initialRespawn, 0, -1), 1_000, 500, chance);
    expect(state.notBeforeMs - 1_000).toBeCloseTo(wait);
  });

  it('comes at once for all that fell together', () => {
    let state = initialRespawn;
    for (let nowMs = 100; nowMs < 108; nowMs++) state = die(state, nowMs, 50);
    expect(state).toMatchObject({ streak: 1, notBeforeMs: 100 });
  });

  it('counts a generation once: eight that fall together again are the second death', () => {
    let state = die(initialRespawn, 100, 50);
    for (let nowMs = 500; nowMs < 508; nowMs++) state = die(state, nowMs, 110);
    expect(state).toMatchObject({ streak: 2, notBeforeMs: 700 });
  });

  it.each([
    ['a minute in which all were ready', minuteMs, 0],
    ['less', minuteMs - 1, 4],
  ])('after %s: %i ms, a streak of %i', (_, healthyMs, streak) => {
    const health = { nowMs: 100_000 + healthyMs, sinceMs: 100_000 };
    expect(whileHealthy(deaths(4), health, defaultTimings).streak).toBe(streak);
  });

  it.each([
    ['during a streak', deaths(4), true, 800],
    ['during a streak that nothing is missing for any more: one more was asked for', deaths(4), false, 0],
    ['at the start', initialRespawn, false, 0],
    ['after the first death', deaths(1), true, 0],
  ])('waits %s', (_, state, isDamaged, wait) => {
    const { countedMs } = state;
    expect(waitMs(state, countedMs, isDamaged)).toBe(wait);
  });

  it.each([1, 2, 8, 16])(
    'in a crash loop of %i slots: after the first round at most 12 forks a minute, and never an end of them',
    (slots) => {
      for (const livesMs of [10, 300, 1_000, 5_000, 20_000, 55_000])
        for (const chance of [0, middle, 1]) {
          const forks = crashLoop(slots, livesMs, chance);
          expect(mostInAMinute(forks)).toBeLessThanOrEqual(12);
          expect(forks.at(-1)).toBeGreaterThan(8 * minuteMs);
        }
    },
  );
});

describe('giving up', () => {
  it.each([
    [{ deaths: 4, elapsedMs: 29_999, timeoutMs: 30_000 }, undefined],
    [{ deaths: 5, elapsedMs: 10, timeoutMs: 30_000 }, '5 server processes died before one was ready'],
    [
      { deaths: 0, elapsedMs: 30_000, timeoutMs: 30_000 },
      'no server process was ready within 30000 ms (BOOT_TIMEOUT_MS)',
    ],
  ])('%j: %s', (boot, reason) => {
    expect(giveUp(boot, defaultTimings)).toBe(reason);
  });
});
