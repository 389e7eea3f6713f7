// How long calls took in the last minute, by task and lane, from what server processes told.
import { expect, it } from 'vitest';
import { addLatency } from '#src/metrics/latency-scale.js';
import { createRecentCalls } from '#src/primary/admin/recent-calls.js';

function told(
  pid: number,
  latencies: readonly number[],
  task = 'hash',
  lane: 'inline' | 'thread' = 'thread',
) {
  const scale: number[] = [];
  for (const seconds of latencies) addLatency(scale, seconds);
  return { pid, metrics: { atMs: 0, series: [], lightLatency: [], callLatency: [{ task, lane, scale }] } };
}

function recentCalls() {
  let nowMs = 0;
  const recent = createRecentCalls(() => nowMs);
  return {
    ...recent,
    later(ms: number) {
      nowMs += ms;
    },
  };
}

it('are percentiles over all server processes', () => {
  const recent = recentCalls();
  recent.look([told(1, [0.1, 0.1, 0.1]), told(2, [0.8])]);
  const { hash } = recent.latencies(['hash']);
  expect(hash?.thread?.p50).toBeCloseTo(100, -1);
  expect(hash?.thread?.p99).toBeGreaterThan(720);
  expect(hash?.inline).toBeNull();
});

it('count each call once, however often somebody looks, and forget it after a minute', () => {
  const recent = recentCalls();
  recent.look([told(1, [0.1])]);
  for (let second = 0; second < 59; second++) {
    recent.later(1_000);
    for (let i = 0; i < 3; i++) recent.look([told(1, [0.1, 0.8])]);
  }
  expect(recent.latencies(['hash']).hash?.thread?.p50).toBeCloseTo(100, -1);
  recent.later(1_000);
  recent.look([told(1, [0.1, 0.8])]);
  expect(recent.latencies(['hash']).hash?.thread?.p50).toBeGreaterThan(720);
  recent.later(60_000);
  recent.look([told(1, [0.1, 0.8])]);
  expect(recent.latencies(['hash']).hash).toEqual({ thread: null, inline: null });
});

it('keep the calls of a process that has gone, and start anew with its successor', () => {
  const recent = recentCalls();
  recent.look([told(1, [0.1, 0.1, 0.1])]);
  recent.later(1_000);
  recent.look([told(2, [0.8])]);
  expect(recent.latencies(['hash']).hash?.thread?.p50).toBeCloseTo(100, -1);
  expect(recent.latencies(['hash']).hash?.thread?.p99).toBeGreaterThan(720);
});

it('are told of a task of any name', () => {
  const recent = recentCalls();
  recent.look([told(1, [0.000_02], 'constructor', 'inline')]);
  const latencies = recent.latencies(['constructor', 'toString']);
  expect(latencies.constructor).toMatchObject({ thread: null, inline: { p50: expect.closeTo(0.02, 2) } });
  expect(latencies.toString).toEqual({ thread: null, inline: null });
});
