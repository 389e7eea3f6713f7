import { describe, expect, it } from 'vitest';
import {
  afterDeath,
  afterFork,
  giveUp,
  initialRespawn,
  type RespawnState,
} from '#src/primary/respawn-policy.js';
import { defaultTimings } from '#src/primary/timings.js';

const middle = 0.5;

/** Processes that die at once, each forked as soon as the policy allows: the times of the forks within a minute. */
function crashLoop(slots: number, chance = middle): number[] {
  const forks: number[] = [];
  let state: RespawnState = initialRespawn;
  let nowMs = 1_000_000;
  const startMs = nowMs;
  for (let i = 0; i < slots; i++) state = die(state, nowMs, nowMs - 60_000, chance);
  const missing = slots;
  while (missing > 0) {
    nowMs = Math.max(nowMs, state.notBeforeMs);
    if (nowMs - startMs >= 60_000) return forks;
    forks.push(nowMs - startMs);
    state = afterFork(state, { nowMs, chance }, defaultTimings);
    // It lives for 10 ms.
    nowMs += 10;
    state = die(state, nowMs, nowMs - 10, chance);
  }
  return forks;
}

function die(state: RespawnState, nowMs: number, forkedMs: number, chance = middle): RespawnState {
  return afterDeath(state, { nowMs, forkedMs, healthySinceMs: undefined, chance }, defaultTimings);
}

describe('replacement', () => {
  it('comes at once after the first death', () => {
    expect(die(initialRespawn, 5_000, 0)).toEqual({ streak: 1, streakSinceMs: 5_000, notBeforeMs: 5_000 });
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
  ])('differs by a fifth either way: chance %f, %i ms', (chance, waitMs) => {
    const state = die(die(initialRespawn, 0, -1), 1_000, 500, chance);
    expect(state.notBeforeMs - 1_000).toBeCloseTo(waitMs);
  });

  it('comes at once for all that fell together', () => {
    let state = initialRespawn;
    for (let nowMs = 100; nowMs < 108; nowMs++) state = die(state, nowMs, 50);
    expect(state).toEqual({ streak: 1, streakSinceMs: 100, notBeforeMs: 100 });
  });

  it('begins anew after a minute in which all were ready', () => {
    const state = die(die(die(initialRespawn, 0, -1), 10, 5), 1_000, 900);
    const death = { nowMs: 100_000, forkedMs: 2_000, chance: middle };
    expect(afterDeath(state, { ...death, healthySinceMs: 40_000 }, defaultTimings).streak).toBe(1);
    expect(afterDeath(state, { ...death, healthySinceMs: 40_001 }, defaultTimings).streak).toBe(4);
    expect(afterDeath(state, { ...death, healthySinceMs: undefined }, defaultTimings).streak).toBe(4);
  });

  it.each([1, 2, 4, 8])('in a crash loop of %i slots: at most 12 forks a minute', (slots) => {
    for (const chance of [0, middle, 1]) expect(crashLoop(slots, chance).length).toBeLessThanOrEqual(12);
  });
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
