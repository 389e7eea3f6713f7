// The last second's load, from what server processes told now and before.
import { expect, it } from 'vitest';
import { addLatency, latencyPercentile } from '#src/metrics/latency-scale.js';
import { createLoadSampler } from '#src/primary/admin/load-sampler.js';

const status = {
  primary: {
    pid: 1,
    state: 'ready',
    uptimeMs: 1,
    restarts: 0,
    memoryBytes: 1,
    cpuCores: 0,
    lastReload: null,
    reloads: [],
    exits: [],
  },
  lane: { load: 1.5, waitSeconds: 0 },
  servers: [],
  totals: {},
} as const;

function scaleOf(latencies: readonly number[]): number[] {
  const scale: number[] = [];
  for (const seconds of latencies) addLatency(scale, seconds);
  return scale;
}

function told(pid: number, atMs: number, io: readonly number[], thread?: number[], inline?: number[]) {
  const callLatency = [
    ...(thread ? [{ task: 'hash', lane: 'thread', scale: scaleOf(thread) } as const] : []),
    ...(inline ? [{ task: 'hash', lane: 'inline', scale: scaleOf(inline) } as const] : []),
  ];
  return { pid, metrics: { atMs, series: [], lightLatency: scaleOf(io), callLatency } };
}

it('is what was added since, by the clock of each process', () => {
  const sample = createLoadSampler();
  sample([told(1, 0, [1, 1]), told(2, 500, [])], status);
  const load = sample([told(1, 2_000, [1, 1, 0.002, 0.002]), told(2, 1_500, [0.002])], status);
  expect(load.io.perSecond).toBeCloseTo(1 + 1);
  expect(load.io.p50Ms).toBeCloseTo(2, 0);
  expect(load.load).toBe(1.5);
  expect(load.cpu).toEqual({ perSecond: 0, p50Ms: null, p99Ms: null });
});

it('tells calls on threads apart from those on the event loop, however many these are', () => {
  const sample = createLoadSampler();
  sample([told(1, 0, [])], status);
  const many = new Array<number>(1_000).fill(0.000_01);
  const load = sample([told(1, 1_000, [], [0.2, 0.4], many)], status);
  expect(load.cpu.perSecond).toBeCloseTo(2);
  expect(load.cpu.p50Ms).toBeGreaterThan(180);
  expect(load.inlinePerSecond).toBeCloseTo(1_000);
});

it('waits for a process that did not answer, and forgets one that has gone', () => {
  const sample = createLoadSampler();
  const silent = told(1, 0, [0.1]);
  sample([silent], status);
  expect(sample([silent], status).io.perSecond).toBe(0);
  expect(sample([told(2, 0, [0.1, 0.1])], status).io.perSecond).toBe(2);
});

it('has what a process did in its last second, though it has gone', () => {
  const sample = createLoadSampler();
  const leaving: { pid: number; metrics: ReturnType<typeof told>['metrics'] } = told(1, 0, [0.1]);
  sample([leaving], status);
  leaving.metrics = told(1, 1_000, [0.1, 0.1, 0.1]).metrics;
  expect(sample([], status).io.perSecond).toBeCloseTo(2);
  expect(sample([], status).io.perSecond).toBe(0);
});

it('tells percentiles within a tenth, from a microsecond to a minute', () => {
  for (const seconds of [2e-6, 0.000_05, 0.001_3, 0.7, 59]) {
    const ms = latencyPercentile(scaleOf([seconds]), 0.99) ?? 0;
    expect(Math.abs(ms / (seconds * 1_000) - 1)).toBeLessThan(0.1);
  }
  const odd = scaleOf([0, 1e-9, 1e6]);
  expect(odd.reduce((sum, one) => sum + one, 0)).toBe(3);
});
